/**
 * A table that fits the terminal.
 *
 * @module
 */
import { inert } from '../../lib/text/inert.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** What it may be shortened to, characters; default: not at all. */
  readonly min?: number;
  /** Where text is left out: at the end, or in the middle (addresses). */
  readonly cut?: 'end' | 'middle';
  /** The higher, the sooner the whole column is left out; default never. */
  readonly spare?: number;
}

/** How wide the terminal is, by `COLUMNS`, else by the terminal. Unlimited where the output is no terminal. */
export function terminalWidth(env: NodeJS.ProcessEnv = process.env): number {
  const given = Number(env['COLUMNS']);
  if (Number.isInteger(given) && given > 0) return given;
  return process.stdout.columns ?? Number.POSITIVE_INFINITY;
}

/** @returns a line for the titles and one for each row, none longer than `width` */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width: number): string[] {
  const shown = [...columns];
  for (;;) {
    const cells = rows.map(row => shown.map(column => inert(column.value(row))));
    const widths = shown.map((column, n) => Math.max(column.title.length, ...cells.map(row => row[n]?.length ?? 0)));
    const total = () => widths.reduce((sum, w) => sum + w, 0) + 2 * (shown.length - 1);
    while (total() > width) {
      const widest = shown.reduce((best, column, n) => {
        const excess = (i: number) => (widths[i] ?? 0) - Math.max(shown[i]?.title.length ?? 0, shown[i]?.min ?? 9_999);
        return column.min !== undefined && excess(n) > 0 && (best < 0 || excess(n) > excess(best)) ? n : best;
      }, -1);
      if (widest < 0) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
    }
    const spare = shown.reduce((best, column) => ((column.spare ?? 0) > (best?.spare ?? 0) ? column : best), shown[0]);
    if (total() > width && spare?.spare !== undefined) {
      shown.splice(shown.indexOf(spare), 1);
      continue;
    }
    const lines = [shown.map(column => column.title), ...cells];
    return lines.map(line =>
      line
        .map((cell, n) => shorten(cell, widths[n] ?? 0, shown[n]?.cut).padEnd(widths[n] ?? 0))
        .join('  ')
        .slice(0, Math.min(width, 100_000))
        .trimEnd(),
    );
  }
}

function shorten(text: string, width: number, cut: 'end' | 'middle' = 'end'): string {
  if (text.length <= width) return text;
  const tail = cut === 'middle' ? Math.min(4, Math.floor(width / 3)) : 0;
  return `${text.slice(0, Math.max(0, width - 1 - tail))}…${tail > 0 ? text.slice(-tail) : ''}`;
}
