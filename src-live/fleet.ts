import type { FleetRow, LiveFleet } from '../dist/server/live-fleet.js';
import { byId, element, write } from './dom.js';
import { bytes, count, duration, perSecond } from './format.js';

const PAGE_BYTES = 65_536;

const COLUMNS: readonly (readonly [title: string, read: (row: FleetRow) => string])[] = [
  ['Host', ({ host }) => host],
  ['Process', ({ pid, thread }) => (thread === 0 ? String(pid) : `${pid}/${thread}`)],
  ['Version', ({ version }) => version],
  ['Up', ({ uptimeSeconds }) => duration(uptimeSeconds)],
  ['Instances', ({ memory }) => bytes(memory.pages * PAGE_BYTES)],
  ['Resident', ({ memory }) => bytes(memory.residentBytes)],
  ['Active', ({ active }) => count(active)],
  ['Waiting', ({ waiting }) => count(waiting)],
  ['Calls', ({ rates }) => perSecond(rates.calls)],
  ['Failed', ({ rates }) => perSecond(rates.failures)],
  ['Breaker', ({ breaker }) => breaker ?? 'none'],
];

/** The table of the fleet; hidden where the server reads none. */
export class Fleet {
  readonly #section = byId('fleet');
  readonly #body = element('tbody');

  constructor() {
    const titles = COLUMNS.map(([title]) => element('th', { scope: 'col' }, title));
    const head = element('thead', {}, element('tr', {}, ...titles));
    const table = element('table', { 'aria-labelledby': 'fleet-heading' }, head, this.#body);
    // It scrolls by itself where it is wider than the screen, by keys too.
    const wide = { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Table of the fleet' };
    this.#section.append(element('div', wide, table));
  }

  show({ rows, processes, calls, pages }: LiveFleet): void {
    this.#section.hidden = false;
    const note =
      rows === null
        ? 'The status of the fleet cannot be read'
        : `Processes: ${count(processes)}; ${perSecond(calls)} calls, ${bytes(pages * PAGE_BYTES)} in instances`;
    write(byId('fleet-note'), note);
    if (rows === null) return; // the last ones stay
    // Rows stay where they are: somebody may be reading them.
    while (this.#body.rows.length > rows.length) this.#body.deleteRow(-1);
    while (this.#body.rows.length < rows.length) {
      const cells = COLUMNS.map((_, index) => (index === 0 ? element('th', { scope: 'row' }) : element('td')));
      this.#body.append(element('tr', {}, ...cells));
    }
    rows.forEach((row, at) => {
      const { cells } = this.#body.rows[at] as HTMLTableRowElement;
      COLUMNS.forEach(([, read], index) => void write(cells[index] as HTMLTableCellElement, read(row)));
    });
  }
}
