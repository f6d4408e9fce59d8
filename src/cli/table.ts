import { randomUUID } from 'node:crypto';
import { ExactNumber, type JsonValue, stringifyJson } from '../model/json.ts';
import type { Io } from './io.ts';

export type Cell = string | number | boolean | undefined;

/** Writes the data as JSON, one document with a final newline. */
export function printJson(io: Io, data: unknown): void {
  io.stdout.write(`${formatExact(data)}\n`);
}

/** Indented JSON in which an ExactNumber keeps its own digits. */
function formatExact(data: unknown): string {
  const mark = `exact-${randomUUID()}-`;
  const keepText = function (this: unknown, key: string, value: unknown): unknown {
    const source = (this as Readonly<Record<string, unknown>>)[key];
    return source instanceof ExactNumber ? `${mark}${source.text}` : value;
  };
  return JSON.stringify(data, keepText, 2).replaceAll(new RegExp(`"${mark}([^"]*)"`, 'g'), '$1');
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
  const present = facts
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => [cleanText(name), value] as const);
  const width = Math.max(0, ...present.map(([name]) => name.length));
  for (const [name, value] of present) io.stdout.write(`${`${name}:`.padEnd(width + 2)}${cellText(value)}\n`);
}

/** A value as text: what is no text as its JSON. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : stringifyJson(value as JsonValue);
}

/** A time in milliseconds as ISO 8601 to the second. */
export function formatTime(ms: unknown): string {
  if (typeof ms === 'string') return ms;
  if (typeof ms !== 'number') return '';
  const time = new Date(ms);
  // A device may name any integer as its time; dates end 275,000 years from now.
  return Number.isNaN(time.getTime()) ? `${ms} ms` : `${time.toISOString().slice(0, 19)}Z`;
}

/** Text of others on its way to a terminal: no control character may reach it, nor one that turns the direction of writing. */
export function cleanText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
}

/** The same for a text of several lines. */
export const cleanLines = (text: string): string => text.split(/\r?\n/).map(cleanText).join('\n');

function cellText(cell: Cell): string {
  return cell === undefined || cell === '' ? '-' : cleanText(String(cell));
}

function pad(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((text, column) => text.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}
