import { CommandFailure, EXIT } from './io.ts';
import type { TextFile } from './text-file.ts';

const MAX_CELL = 65_536;
const MAX_CELLS = 1_000;
/** What a spreadsheet would take for a formula, and what was kept from that. */
const FORMULA = /^'*[=+\-@\t\r]/;

export interface CsvRecord {
  /** As a spreadsheet counts: the heading is 1, empty rows count. */
  readonly row: number;
  readonly cells: readonly string[];
}

/** The separator of a file: the first of comma, semicolon and tab outside quotes in its first row; else the comma. */
export function separatorOf({ text }: TextFile): string {
  const [heading = ''] = text.split(/[\r\n]/, 1);
  return /[,;\t]/.exec(heading.replaceAll(/"(?:[^"]|"")*"/g, ''))?.[0] ?? ',';
}

/**
 * The rows of a CSV file after RFC 4180, with any line end; empty ones are left out. Blanks round a quoted cell are not part of it.
 * Throws CommandFailure for what cannot be read, by row and column.
 * @param separators each of these characters ends a cell
 */
export function* readCsv({ path, text }: TextFile, separators: string): Generator<CsvRecord> {
  let at = 0;
  for (let row = 1; at < text.length; row++) {
    const cells: string[] = [];
    const fail = (problem: string): CommandFailure =>
      new CommandFailure(EXIT.findings, `${path}: row ${row}, column ${cells.length + 1}: ${problem}`);
    for (let more = true; more; ) {
      const opened = afterBlanks(text, at, separators);
      const quoted = text[opened] === '"';
      const end = quoted ? closingQuote(text, opened) : endOfCell(text, at, separators);
      if (end < 0) throw fail('the quote that opens the cell is never closed: close it, and double quotes within');
      const raw = quoted ? text.slice(opened + 1, end).replaceAll('""', '"') : text.slice(at, end);
      if (raw.length > MAX_CELL) throw fail(`the cell is longer than ${MAX_CELL} characters`);
      at = quoted ? afterBlanks(text, end + 1, separators) : end;
      const next = text[at];
      more = next !== undefined && separators.includes(next);
      if (!more && next !== undefined && next !== '\n' && next !== '\r') {
        throw fail('there is text behind the closing quote: double quotes within a quoted cell');
      }
      if (cells.length === MAX_CELLS) throw fail(`a row has ${MAX_CELLS} cells at most`);
      cells.push(raw);
      if (more) at++;
    }
    at += text.startsWith('\r\n', at) ? 2 : 1;
    if (cells.length > 1 || cells[0]?.trim() !== '') yield { row, cells };
  }
}

function afterBlanks(text: string, from: number, separators: string): number {
  let at = from;
  while (text[at] === ' ' || (text[at] === '\t' && !separators.includes('\t'))) at++;
  return at;
}

/** Index of the quote that ends a cell; -1 when there is none within reach. */
function closingQuote(text: string, opened: number): number {
  for (let at = opened + 1; ; at += 2) {
    at = text.indexOf('"', at);
    if (at < 0 || text[at + 1] !== '"') return at;
  }
}

function endOfCell(text: string, from: number, separators: string): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === '\n' || character === '\r' || separators.includes(character)) return at;
  }
  return text.length;
}

/** One row as RFC 4180 has it, with its line end. */
export function csvRow(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",;\r\n\t]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
}

/** A text on its way into a cell: a spreadsheet must not run it, so that `'` stands before a formula. */
export const guardCell = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/** A text out of a cell, without the `'` of `guardCell`. */
export const unguardCell = (cell: string): string =>
  cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
