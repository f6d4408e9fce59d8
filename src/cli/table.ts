import type { Io } from './io.ts';

export type Cell = string | number | boolean | undefined;

/** Writes the data as JSON, one document with a final newline. */
export function printJson(io: Io, data: unknown): void {
  io.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
}

/**
 * One row a line. On a terminal with headings and aligned columns; into a pipe tab-separated and without headings, so
 * that `cut` and `awk` need no options.
 */
export function printTable(io: Io, headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const lines = rows.map((row) => row.map(cellText));
  if (!io.isTty) {
    for (const line of lines) io.stdout.write(`${line.join('\t')}\n`);
    return;
  }
  const all = [headings.map((heading) => heading.toUpperCase()), ...lines];
  const widths = headings.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  for (const line of all) io.stdout.write(`${pad(line, widths)}\n`);
}

/** `name: value` lines of one thing; members without a value are left out. */
export function printFacts(io: Io, facts: readonly (readonly [name: string, value: Cell])[]): void {
  const present = facts.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...present.map(([name]) => name.length));
  for (const [name, value] of present) io.stdout.write(`${`${name}:`.padEnd(width + 2)}${cellText(value)}\n`);
}

/** A time in milliseconds as ISO 8601 to the second. */
export function formatTime(ms: unknown): string {
  if (typeof ms === 'string') return ms;
  return typeof ms === 'number' ? `${new Date(ms).toISOString().slice(0, 19)}Z` : '';
}

/** Text of others on its way to a terminal: a control character must not reach it. */
export function cleanText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

function cellText(cell: Cell): string {
  return cell === undefined || cell === '' ? '-' : cleanText(String(cell));
}

function pad(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((text, column) => text.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}
