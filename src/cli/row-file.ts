import { type JsonValue, stringifyJson } from '../model/json.ts';
import { compileSchema, nearest } from '../schema/validate.ts';
import { readCsv, separatorOf } from './csv.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { jsonOf, readTextFile, type TextFile } from './text-file.ts';

const MAX_BYTES = 67_108_864;
const JSON_LIMITS = { maxDepth: 24, maxKeys: 10_000_000 };
/** A request has room for one of these. */
const MAX_ROW = 500_000;

export type Draft<T> = { -readonly [K in keyof T]?: T[K] };

/** One column of a CSV file of `T`. */
export interface Column<T> {
  readonly heading: string;
  /** How the management API calls it. */
  readonly field: string;
  /** Puts what stands in a cell, which is not empty, into the row; gives what is wrong with it. */
  read(cell: string, row: Draft<T>): string | undefined;
  /** Throws CommandFailure for what the column cannot hold. */
  write(row: T): string;
}

/** What rows of a file are, in CSV and in JSON. */
export interface Shape<T> {
  readonly schema: Readonly<Record<string, unknown>>;
  /** For help and errors: what a heading may be. */
  readonly headings: readonly string[];
  /** Headings that a file must have. */
  readonly needed: readonly string[];
  column(heading: string): Column<T> | undefined;
  /** Says what the rows of a file leave out. */
  readonly fill?: (row: Draft<T>) => void;
  /** What no second row may be. */
  readonly key: { readonly field: string; of(row: T): string };
}

export interface Finding {
  readonly row: number;
  /** The column of a CSV file, the field of JSON. */
  readonly column?: string;
  readonly code: string;
  readonly detail: string;
  /** A part of the row is written. */
  readonly partly?: boolean;
}

export interface FileRow<T> {
  readonly row: number;
  readonly value: T;
  /** Characters of its JSON. */
  readonly size: number;
}

export interface RowFile<T> {
  readonly path: string;
  readonly rows: readonly FileRow<T>[];
  /** What cannot even be sent. */
  readonly findings: readonly Finding[];
  /** What the file calls a field of the management API. */
  columnOf(field: string): string;
}

interface Raw<T> {
  readonly row: number;
  readonly value: Draft<T> | JsonValue;
  readonly problem?: { readonly column: string; readonly detail: string };
}

/**
 * Reads a file of rows: JSON when it begins with `[`, else CSV. A row that is none becomes a finding; a file that is none is a
 * CommandFailure.
 */
export function readRows<T>(io: Io, path: string, shape: Shape<T>): RowFile<T> {
  const file = readTextFile(io, path, MAX_BYTES);
  const isJson = /^\s*\[/.test(file.text);
  const columns = isJson ? [] : columnsOf(file, shape);
  const columnOf = (field: string): string => columns.find((one) => one.field === field)?.heading ?? field;
  const check = compileSchema<T>(shape.schema);
  const rows: FileRow<T>[] = [];
  const findings: Finding[] = [];
  const known = new Map<string, number>();

  const problemOf = ({ row, value, problem }: Raw<T>): { column?: string; detail: string } | undefined => {
    if (problem) return problem;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) shape.fill?.(value as Draft<T>);
    const checked = check(value);
    if (!checked.ok) {
      const [first] = checked.violations;
      const missing = /^"(.*)" is missing$/.exec(first?.problem ?? '')?.[1];
      const field = [first?.at.slice(1), missing].filter(Boolean).join('/');
      const hint = first?.hint ? ` (${first.hint})` : '';
      const fix = missing === undefined ? hint : ': fill it in';
      return { ...(field === '' ? {} : { column: columnOf(field) }), detail: `${first?.problem}${fix}` };
    }
    const key = shape.key.of(checked.value);
    const before = known.get(key);
    if (before !== undefined) {
      return { column: columnOf(shape.key.field), detail: `"${key}" stands in row ${before} already: leave one` };
    }
    known.set(key, row);
    const size = stringifyJson(checked.value as JsonValue).length;
    if (size > MAX_ROW) return { detail: `the row has more than ${MAX_ROW} characters` };
    rows.push({ row, value: checked.value, size });
    return undefined;
  };

  for (const raw of isJson ? jsonRows<T>(file) : csvRows(file, columns)) {
    const problem = problemOf(raw);
    if (problem) findings.push({ row: raw.row, ...problem, code: 'BAD_REQUEST' });
  }
  return { path, rows, findings, columnOf };
}

function* jsonRows<T>(file: TextFile): Generator<Raw<T>> {
  const json = jsonOf(file, JSON_LIMITS);
  const values = Array.isArray(json) ? json : [];
  for (const [at, value] of values.entries()) yield { row: at + 1, value };
}

function columnsOf<T>(file: TextFile, shape: Shape<T>): readonly Column<T>[] {
  const [heading] = readCsv(file, separatorOf(file));
  const fail = (at: number, problem: string) =>
    new CommandFailure(EXIT.findings, `${file.path}: row ${heading?.row ?? 1}, column ${at + 1}: ${problem}`);
  const columns = (heading?.cells ?? []).map((cell, at) => {
    const column = shape.column(cell.trim());
    if (column) return column;
    if (cell.trim() === '') throw fail(at, 'the heading is empty: name the column, or take it out');
    const near = nearest(cell.trim(), shape.headings);
    throw fail(
      at,
      `there is no column "${cell}". ${near ? `Did you mean "${near}"?` : `Known: ${shape.headings.join(', ')}.`}`,
    );
  });
  for (const [at, { field, heading: name }] of columns.entries()) {
    if (columns.findIndex((one) => one.field === field) < at) throw fail(at, `"${name}" stands twice: leave one`);
  }
  const missing = shape.needed.find((name) => !columns.some((one) => one.heading === name));
  if (missing === undefined) return columns;
  throw new CommandFailure(
    EXIT.findings,
    `${file.path}: the first row needs a column "${missing}": it names the columns, such as ${shape.headings.join(', ')}`,
  );
}

function* csvRows<T>(file: TextFile, columns: readonly Column<T>[]): Generator<Raw<T>> {
  let isHeading = true;
  for (const { row, cells } of readCsv(file, separatorOf(file))) {
    if (isHeading) {
      isHeading = false;
      continue;
    }
    const value: Draft<T> = {};
    let problem: Raw<T>['problem'];
    for (const [at, column] of columns.entries()) {
      const cell = cells[at] ?? '';
      const detail = cell === '' ? undefined : column.read(cell, value);
      if (detail !== undefined) problem ??= { column: column.heading, detail };
    }
    if (cells.length !== columns.length) {
      const detail = `the row has ${cells.length} cells, the heading ${columns.length}: separators within a cell need quotes`;
      problem = { column: columns.at(-1)?.heading ?? '', detail };
    }
    yield { row, value, ...(problem ? { problem } : {}) };
  }
}
