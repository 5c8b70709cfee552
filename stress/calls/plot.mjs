// Memory over time as SVG: resident memory with its trend above, guest memory below, each from 0.

const WIDTH = 960;
const LEFT = 80;
const RIGHT = 20;
const PANELS = { resident: { top: 84, height: 300 }, guest: { top: 430, height: 110 } };
const HEIGHT = 600;
const COLORS = { resident: '#1f5fa8', trend: '#c2410c', guest: '#2f7d4f', grid: '#e3e3e3', text: '#222' };
const MIB = 1_048_576;

/** The picture of a soak run. */
export function plot({ calls, samples, slope, trend }) {
  const end = samples.at(-1).seconds;
  const x = (seconds) => LEFT + (seconds / end) * (WIDTH - LEFT - RIGHT);
  const resident = panel(
    PANELS.resident,
    samples.map((sample) => sample.resident),
    'Resident memory (MiB)',
    x,
    end,
  );
  const guest = panel(
    PANELS.guest,
    samples.map((sample) => sample.bytes),
    'Guest memory (MiB)',
    x,
    end,
  );
  const fitted = samples.filter((sample) => sample.calls > calls / 2);
  const path = (points, value, y, style) =>
    `<polyline fill="none" ${style} points="${points.map((point) => `${round(x(point.seconds))},${round(y(value(point)))}`).join(' ')}"/>`;
  const label = `trend of the second half: ${slope.toFixed(2)} KB in 1,000 calls`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13" fill="${COLORS.text}">
<title>Memory over ${number(calls)} calls</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
<text x="${LEFT}" y="30" font-size="19">Memory over ${number(calls)} calls in ${number(Math.round(end))} s</text>
${legend(LEFT, 56, COLORS.resident, 'resident memory')}
${legend(LEFT + 160, 56, COLORS.trend, label)}
${legend(LEFT + 520, 56, COLORS.guest, 'guest memory')}
${resident.frame}
${guest.frame}
${path(samples, (sample) => sample.resident, resident.y, `stroke="${COLORS.resident}" stroke-width="1.5"`)}
${path(fitted, (sample) => trend.at(sample.calls), resident.y, `stroke="${COLORS.trend}" stroke-width="2.5"`)}
${path(samples, (sample) => sample.bytes, guest.y, `stroke="${COLORS.guest}" stroke-width="1.5"`)}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">Time (s)</text>
</svg>
`;
}

/** Axes and grid of a panel, and where a value lies in it. */
function panel({ top, height }, values, title, x, end) {
  const bottom = top + height;
  const most = Math.max(...values, 1) / MIB;
  const step = niceStep(most, height > 200 ? 6 : 3);
  const highest = Math.ceil(most / step) * step;
  const y = (bytes) => bottom - (bytes / MIB / highest) * height;
  const lines = ticks(step, highest).map((value) => {
    const at = round(y(value * MIB));
    return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="${COLORS.grid}"/>
<text x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${shown(value)}</text>`;
  });
  const marks = ticks(niceStep(end, 10), end).map((value) => {
    const at = round(x(value));
    return `<line x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}" stroke="${COLORS.text}"/>
<text x="${at}" y="${bottom + 20}" text-anchor="middle">${shown(value)}</text>`;
  });
  const frame = `${lines.join('\n')}
${marks.join('\n')}
<polyline fill="none" stroke="${COLORS.text}" points="${LEFT},${top} ${LEFT},${bottom} ${WIDTH - RIGHT},${bottom}"/>
<text transform="translate(20 ${top + height / 2}) rotate(-90)" text-anchor="middle">${title}</text>`;
  return { y, frame };
}

function legend(x, y, color, text) {
  return `<line x1="${x}" x2="${x + 24}" y1="${y - 4}" y2="${y - 4}" stroke="${color}" stroke-width="3"/>
<text x="${x + 30}" y="${y}">${text}</text>`;
}

/** 1, 2 or 5 times a power of ten, so that about `wanted` steps reach `highest`. */
function niceStep(highest, wanted) {
  const rough = highest / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
}

function ticks(step, highest) {
  return Array.from({ length: Math.floor(highest / step + 1e-9) + 1 }, (_, index) => index * step);
}

const round = (value) => Math.round(value * 100) / 100;
const number = (value) => value.toLocaleString('en');
const shown = (value) => number(round(value));
