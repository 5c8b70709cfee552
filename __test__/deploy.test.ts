import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { Engine } from '../dist/index.js';
import { registerMetrics } from '../dist/prometheus.js';
import { ask, extractorOf, post, serverOf } from './server-support.js';
import { MATH, poolOf } from './support.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROMETHEUS = join(ROOT, 'deploy/prometheus');

const ALERTS = [
  'RiptideWasmGrowthFailures',
  'RiptideWasmSlowColdStarts',
  'RiptideWasmMemoryNotReleased',
  'RiptideWasmCacheMisses',
  'RiptideWasmBreakerOpen',
  'RiptideWasmQueueSaturated',
];

/** What the server shows beside the metrics of its engine and pool. */
const OF_SERVER: readonly [string, string][] = [['riptide_wasm_http_request_duration_seconds', 'histogram']];

const ALERT_TESTS = readdirSync(PROMETHEUS).filter((name) => name.endsWith('.test.yml'));

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const deployed = readdirSync(join(ROOT, 'deploy'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /(\.(yml|yaml|json|md)|Dockerfile)$/.test(path))
  .map((path) => `deploy/${path}`);

/** All that stands between `start` and what ends it. */
function section(text: string, start: string, end: RegExp): string {
  const at = text.indexOf(start);
  if (at < 0) throw new Error(`there is no ${JSON.stringify(start)}`);
  const rest = text.slice(at + start.length);
  const length = rest.search(end);
  return length < 0 ? rest : rest.slice(0, length);
}

/** The first group of the pattern's only match. */
function only(text: string, pattern: RegExp): string {
  const found = [...text.matchAll(new RegExp(pattern, `${pattern.flags}g`))].map(([, value = '']) => value);
  expect(found, String(pattern)).toHaveLength(1);
  return found[0] as string;
}

describe('the alerts', () => {
  const missing =
    spawnSync('promtool', ['--version']).error === undefined
      ? undefined
      : 'promtool is not installed (Debian: apt-get install prometheus)';
  if (missing !== undefined) console.warn(`skipped: ${missing}`);

  test.for([
    ['check', 'rules', 'alerts.yml'],
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', ...ALERT_TESTS],
  ])('pass promtool %s %s', { timeout: 120_000 }, async (args, { skip }) => {
    skip(missing !== undefined, missing);
    // It reports a failed test on standard output, which the error of execFile holds.
    const { stdout } = await promisify(execFile)('promtool', args, { cwd: PROMETHEUS });
    expect(stdout).toContain('SUCCESS');
  });

  test('are the six, each with a severity, its value and what to do', () => {
    const rules = read('deploy/prometheus/alerts.yml');
    expect([...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name)).toEqual(ALERTS);
    for (const name of ALERTS) {
      const rule = section(rules, `- alert: ${name}\n`, /- alert: /);
      expect(rule, name).toMatch(/\n {10}severity: (warning|critical)\n/);
      expect(section(rule, ' summary: ', /\n/), name).not.toBe('');
      expect(section(rule, ' description: >-', /\n {10}\w+:/), name).toContain('$value');
      expect(section(rule, ' runbook: >-', /\n\n/).trim().split(/\s+/).length, name).toBeGreaterThan(20);
    }
  });

  test('are each tested with series that fire them and series that must not', () => {
    const tests = ALERT_TESTS.map((name) => read(`deploy/prometheus/${name}`)).join('\n  - name: end of a file\n');
    for (const name of ALERTS) {
      const fires = section(tests, `- name: ${name} fires\n`, /\n {2}- name: /);
      expect(section(fires, 'exp_samples:', /$^/), name).toContain(`alertname="${name}", alertstate="firing"`);
      const silent = section(tests, `- name: ${name} is silent\n`, /\n {2}- name: /);
      expect(silent, name).toMatch(new RegExp(`alertname="${name}", alertstate="firing"[^]*exp_samples: \\[\\]`));
      expect(silent, name).toContain('- series:');
    }
  });
});

describe('names in deploy/', () => {
  test('are of metrics that there are', async () => {
    const registry = new Registry();
    const engine = new Engine({ cache: false });
    const pool = await poolOf(engine, MATH, { max: 1, maxQueue: 1, breaker: true });
    registerMetrics(registry, { engine, pools: { extractor: pool } });
    const metrics = (await registry.getMetricsAsJSON()).map(({ name, type }): [string, string] => [name, String(type)]);
    const known = new Set(
      [...metrics, ...OF_SERVER].flatMap(([name, type]) =>
        type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    for (const path of deployed) {
      // Recorded series have a colon before the name.
      const names = new Set(read(path).match(/(?<![\w:])riptide_wasm_\w+/g));
      expect(
        [...names].filter((name) => !known.has(name)),
        path,
      ).toEqual([]);
    }
    // Labels that the alerts select by; prom-client writes them in any order.
    const page = (await registry.metrics()).split('\n');
    for (const [name, ...labels] of [
      ['riptide_wasm_cold_start_seconds_bucket', 'cache="hit"', 'le="0.05"'],
      ['riptide_wasm_cache_hits_total', 'engine="default"', 'tier="memory"'],
      ['riptide_wasm_breaker_state', 'pool="extractor"', 'state="open"'],
      ['riptide_wasm_calls_total', 'pool="extractor"', 'outcome="rejected"'],
    ]) {
      expect(
        page.some((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label))),
        `${name} ${labels}`,
      ).toBe(true);
    }
  });

  test('are of labels that the server gives', async () => {
    const extractor = await extractorOf();
    const { port } = await serverOf({ extractor });
    const metrics = async () => (await ask(port, { path: '/metrics' })).text;
    const alerts = read('deploy/prometheus/alerts.yml').replaceAll(', ', ',');
    // What the alert takes for the name of a server's pool.
    expect(await metrics()).toMatch(/\nriptide_wasm_pool_max\{pool="extractor"\} 1\n/);
    expect(alerts).toContain('"pool","extractor"');
    await extractor.close();
    expect((await post(port, '<p>Tides</p>')).status).toBe(503);
    const refused = 'riptide_wasm_http_request_duration_seconds_count{route="/extract",status="503"}';
    expect(await metrics()).toContain(`\n${refused} 1\n`);
    expect(alerts).toContain(refused);
  });

  test('are of variables that are read', () => {
    const known = new Set(
      [...read('docs/options.md').matchAll(/^\| `(RIPTIDE_WASM_\w+)` \|/gm)].map(([, name]) => name),
    );
    expect(known.size).toBeGreaterThan(10);
    for (const path of deployed) {
      const names = new Set(read(path).match(/\bRIPTIDE_WASM_[A-Z_]*[A-Z]\b/g));
      expect(
        [...names].filter((name) => !known.has(name)),
        path,
      ).toEqual([]);
    }
  });
});

describe('the dashboard', () => {
  test('has an expression in every panel, on a data source that is chosen', () => {
    const { panels, templating, schemaVersion } = JSON.parse(read('deploy/grafana/dashboard.json'));
    expect(schemaVersion).toBeGreaterThanOrEqual(38);
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    const charts = panels.filter(({ type }: { type: string }) => type !== 'row');
    expect(charts.length).toBeGreaterThan(20);
    for (const { title, datasource, targets } of charts) {
      expect([title, datasource.uid]).toEqual([title, '$' + '{datasource}']);
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { expr } of targets) expect(expr, title).toContain('riptide_wasm_');
    }
    expect(new Set(panels.map(({ id }: { id: number }) => id)).size).toBe(panels.length);
  });
});

describe('image and manifests', () => {
  const dockerfile = read('deploy/Dockerfile');
  const deployment = read('deploy/kubernetes/deployment.yaml');
  const { version, devDependencies } = JSON.parse(read('package.json'));

  test('are of this package’s version, with the peers it is tested with', () => {
    expect(only(dockerfile, /^ARG VERSION=(.+)$/m)).toBe(version);
    expect(only(dockerfile, /^ARG FASTIFY_VERSION=(.+)$/m)).toBe(devDependencies.fastify);
    expect(only(dockerfile, /^ARG PROM_CLIENT_VERSION=(.+)$/m)).toBe(devDependencies['prom-client']);
    expect(only(read('deploy/kubernetes/kustomization.yaml'), /newTag: (.+)/)).toBe(version);
    const tags = deployed.flatMap((path) =>
      [...read(path).matchAll(/riptide-wasm(?:=HOST\/NAME)?:(\d[\w.]*)/g)].map(([, tag]) => [path, tag]),
    );
    expect(tags.length).toBeGreaterThan(1);
    expect(tags.filter(([, tag]) => tag !== version)).toEqual([]);
  });

  test('agree on the port and the paths', () => {
    const port = only(dockerfile, /^EXPOSE (\d+)$/m);
    const command = only(dockerfile, /^CMD (\[.*\])$/m);
    expect(JSON.parse(command)).toEqual(['serve', '--host', '0.0.0.0', '--port', port]);
    expect(only(dockerfile, /^ENTRYPOINT (.*)$/m)).toBe('["riptide-wasm"]');
    expect(dockerfile).toContain(`fetch('http://127.0.0.1:${port}/health')`);
    const args = [...section(deployment, ' args:\n', /\n {10}\w/).matchAll(/^ +- "?([^"\n]+)"?/gm)].map(
      ([, value]) => value,
    );
    expect(args.slice(0, 5)).toEqual(JSON.parse(command));
    expect(only(deployment, /containerPort: (\d+)/)).toBe(port);
    expect(only(deployment, /prometheus\.io\/port: "(\d+)"/)).toBe(port);
    expect(only(deployment, /prometheus\.io\/path: (.*)/)).toBe('/metrics');
    expect(only(read('deploy/prometheus/prometheus.yml'), /targets: \["127\.0\.0\.1:(\d+)"\]/)).toBe(port);
    for (const [probe, path] of [
      ['startup', '/health'],
      ['liveness', '/health'],
      ['readiness', '/ready'],
    ]) {
      expect(section(deployment, `${probe}Probe:`, /Probe:|securityContext:/)).toMatch(
        `path: ${path}\n              port: http\n`,
      );
    }
    expect(only(read('deploy/kubernetes/service.yaml'), /targetPort: (.*)/)).toBe('http');
    expect(only(read('deploy/kubernetes/networkpolicy.yaml'), /port: (.*)/)).toBe('http');
  });

  test('have the code that was compiled, and may change nothing', () => {
    const directory = only(dockerfile, /precompile --cpu baseline --trust owner --out (\S+)$/m);
    expect(only(dockerfile, /RIPTIDE_WASM_CACHE_DIR=(\S+)/)).toBe(directory);
    expect(only(dockerfile, /RIPTIDE_WASM_CACHE_TRUST=(\S+)/)).toBe('owner');
    const user = only(dockerfile, /^USER (\d+):\d+$/m);
    expect(only(deployment, /runAsUser: (\d+)/)).toBe(user);
    for (const line of ['runAsNonRoot: true', 'readOnlyRootFilesystem: true', 'type: RuntimeDefault', '- ALL'])
      expect(deployment).toContain(line);
  });

  test('give the pool the memory, the time and the queue that it is set to', () => {
    const setting = (name: string) => Number(only(deployment, new RegExp(`name: ${name}\\n +value: "(\\d+)"`)));
    const instances = setting('RIPTIDE_WASM_MAX_POOL_SIZE');
    // Guests, 16 bodies of 8 MiB in buffers of up to twice their size, answers, and Node.
    const memory = instances * setting('RIPTIDE_WASM_MEMORY_LIMIT_MB') + 2 * 16 * 8 + 256 + 256;
    expect(section(deployment, ' limits:', /Probe/)).toContain(`memory: ${memory}Mi`);
    expect(section(deployment, ' requests:', /limits:/)).toContain(`memory: ${memory}Mi`);
    expect(only(read('deploy/README.md'), /The limit, (\d+) MiB/)).toBe(String(memory));
    // The drain, the server's 30 seconds for a request, and as long again for its answer to be read.
    const drain = Number(only(deployment, /--drain-seconds\n +- "(\d+)"/));
    const grace = Number(only(deployment, /terminationGracePeriodSeconds: (\d+)/));
    expect(setting('RIPTIDE_WASM_TIMEOUT_SECS')).toBeLessThanOrEqual(30);
    expect(grace).toBeGreaterThan(drain + 2 * 30);
    const autoscaler = read('deploy/kubernetes/horizontalpodautoscaler.yaml');
    const metric = only(autoscaler, /metric:\n +name: (.*)/);
    expect(only(read('deploy/kubernetes/prometheus-adapter.yaml'), /as: (.*)/)).toBe(metric);
    expect(Number(only(autoscaler, /averageValue: "(\d+)"/))).toBe(instances);
  });
});
