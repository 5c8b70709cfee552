import uPlot from 'uplot';
import { element, write } from './dom.js';
import type { Format, Reading } from './format.js';

/** How many samples a chart shows: two minutes. */
const SHOWN = 120;

/** More than a second or two without a sample is a gap. */
const GAP_SECONDS = 3;

const HEIGHT = 152;
const DASHES = [8, 5];

export interface Line {
  readonly label: string;
  /** Left out, with its row, until it is above 0. */
  readonly rare?: boolean;
  readonly dashed?: boolean;
}

export interface PanelOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly format: Format;
  /** The steps of its axis; uPlot's own where absent. */
  readonly steps?: number[];
}

/** A chart, with a table of the same numbers: it is the chart's legend, and its text for those who do not see it. */
export class Panel {
  readonly element: HTMLElement;
  readonly #note = element('p');
  readonly #options: PanelOptions;
  readonly #cells: HTMLTableCellElement[][];
  readonly #rows: HTMLTableRowElement[];
  readonly #data: [number[], ...Reading[][]];
  readonly #chart: uPlot;

  constructor(options: PanelOptions) {
    const { title, lines } = options;
    this.#options = options;
    this.#data = [[], ...lines.map((): Reading[] => [])];
    const id = `panel-${title.toLowerCase().replace(/\W+/g, '-')}`;
    const heading = element('h2', { id }, title);
    this.#cells = lines.map(() => [element('td'), element('td'), element('td')]);
    this.#rows = lines.map((line, index) => {
      const swatch = element('span', { class: `swatch line-${index + 1}${line.dashed ? ' dashed' : ''}` });
      return element('tr', {}, element('th', { scope: 'row' }, swatch, line.label), ...(this.#cells[index] ?? []));
    });
    const titles = ['Line', 'Now', 'Least', 'Most'].map((text) => element('th', { scope: 'col' }, text));
    const table = element(
      'table',
      { 'aria-labelledby': id },
      element('thead', {}, element('tr', {}, ...titles)),
      element('tbody', {}, ...this.#rows),
    );
    // Its numbers are in the table.
    const plot = element('div', { class: 'plot', 'aria-hidden': 'true' });
    this.element = element('section', { class: 'panel', 'aria-labelledby': id }, heading, this.#note, plot, table);
    this.#chart = chartIn(plot, options);
    new ResizeObserver(() => {
      if (plot.clientWidth > 0) this.#chart.setSize({ width: plot.clientWidth, height: HEIGHT });
    }).observe(plot);
    lines.forEach((line, index) => {
      if (line.rare) this.#show(index, false);
    });
  }

  /** One more sample: `values` in the order of the lines, `note` in words. */
  push(seconds: number, values: readonly Reading[], note: string): void {
    const [times, ...columns] = this.#data;
    const last = times.at(-1);
    if (last !== undefined && (seconds - last > GAP_SECONDS || seconds < last)) {
      times.push(Math.max(last, seconds - 1));
      for (const column of columns) column.push(null);
    }
    times.push(seconds);
    columns.forEach((column, index) => void column.push(values[index] ?? null));
    for (const column of this.#data) column.splice(0, column.length - SHOWN);
    this.#chart.setData(this.#data);
    write(this.#note, note);
    columns.forEach((column, index) => void this.#describe(index, column));
  }

  /** Draws it anew, in other colours. */
  redraw(): void {
    this.#chart.redraw(false, true);
  }

  #describe(index: number, column: readonly Reading[]): void {
    const { format, lines } = this.#options;
    const seen = column.filter((value) => value != null);
    if (lines[index]?.rare && this.#rows[index]?.hidden && seen.some((value) => value > 0)) this.#show(index, true);
    const figures = [column.at(-1), ...(seen.length > 0 ? [Math.min(...seen), Math.max(...seen)] : [null, null])];
    this.#cells[index]?.forEach((cell, at) => void write(cell, format(figures[at])));
  }

  #show(index: number, shown: boolean): void {
    const row = this.#rows[index];
    if (row !== undefined) row.hidden = !shown;
    this.#chart.setSeries(index + 1, { show: shown });
  }
}

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function chartIn(plot: HTMLElement, { lines, format, steps }: PanelOptions): uPlot {
  const axis: uPlot.Axis = {
    stroke: () => colour('--soft'),
    grid: { stroke: () => colour('--grid'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  return new uPlot(
    {
      width: 320,
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_chart, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        { ...axis, size: 24, space: 70, values: (_chart, times) => times.map(clock) },
        {
          ...axis,
          size: 66,
          space: 36,
          values: (_chart, values) => values.map((value) => format(value)),
          ...(steps && { incrs: steps }),
        },
      ],
      series: [
        {},
        ...lines.map(
          ({ label, dashed }, index): uPlot.Series => ({
            label,
            width: 2,
            stroke: () => colour(`--line-${index + 1}`),
            points: { show: false },
            ...(dashed && { dash: DASHES }),
          }),
        ),
      ],
    },
    [[], ...lines.map(() => [])],
    plot,
  );
}

function clock(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString('en-GB');
}
