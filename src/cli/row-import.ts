import type { Flag } from './command.ts';
import { EXIT, type Io } from './io.ts';
import { inPortions } from './portions.ts';
import type { FileRow, Finding, RowFile } from './row-file.ts';
import { cleanText, printJson } from './table.ts';

const BATCH = 100;
/** A request has 10,000 keys at most, and a key is at least 5 characters. */
const MOST_CHARACTERS = 48_000;
/** Lines about rows for people; `--json` has all. */
const MOST_LINES = 100;

export const importFlags = {
  update: { type: 'boolean', summary: 'change what is there and has something else; else such a row is refused' },
  'dry-run': { type: 'boolean', summary: 'write nothing, and say what would be' },
} as const satisfies Readonly<Record<string, Flag>>;

/** What the management API says of a portion. */
export interface Imported {
  readonly created: number;
  readonly changed: number;
  readonly known: number;
  readonly refused: readonly (Omit<Finding, 'column'> & { readonly field?: string })[];
}

const FIXES: Readonly<Record<string, string>> = {
  PROFILE_NOT_FOUND: 'name a profile that the broker has',
  DEVICE_NOT_FOUND: 'import that device before',
  NOT_FOUND: 'import the tree before: gridmoor tree import',
  RATE_LIMITED: 'run the same import again later',
};

interface Options<T> {
  readonly unit: string;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** All rows in one request. */
  readonly whole?: boolean;
  send(rows: readonly T[]): Promise<Imported>;
}

/** Sends the rows of a file, and reports every row that was refused with its place in the file; gives the exit code. */
export async function importRows<T>(io: Io, file: RowFile<T>, options: Options<T>): Promise<number> {
  const { unit, json, dryRun, whole = false } = options;
  const counts = { created: 0, changed: 0, known: 0 };
  const refused: Finding[] = [...file.findings];
  const work = {
    what: dryRun ? 'checking' : 'importing',
    unit,
    items: file.rows,
    ...(whole
      ? { count: file.rows.length }
      : { count: BATCH, size: { of: ({ size }: FileRow<T>) => size, most: MOST_CHARACTERS } }),
  };
  await inPortions(io, work, async (portion) => {
    const answer = await options.send(portion.map(({ value }) => value));
    for (const name of ['created', 'changed', 'known'] as const) counts[name] += answer[name];
    for (const { row, field, ...rest } of answer.refused) {
      const column = field === undefined ? {} : { column: file.columnOf(field) };
      refused.push({ row: portion[row - 1]?.row ?? row, ...column, ...rest });
    }
  });
  refused.sort((a, b) => a.row - b.row);
  if (json) printJson(io, { dryRun, ...counts, refused });
  else {
    for (const finding of refused.slice(0, MOST_LINES)) io.stderr.write(`${lineOf(file.path, finding)}\n`);
    if (refused.length > MOST_LINES) io.stderr.write(`${refused.length - MOST_LINES} more; --json has all\n`);
    const { created, changed, known } = counts;
    const would = dryRun ? 'would be ' : '';
    const words = [`${created} ${would}created`, `${changed} ${would}changed`, `${known} there already`];
    io.stdout.write(`${unit}: ${words.join(', ')}, ${refused.length} ${would}refused\n`);
  }
  return refused.length > 0 ? EXIT.findings : EXIT.fine;
}

function lineOf(path: string, { row, column, code, detail, partly }: Finding): string {
  const place = `${path}: row ${row}${column === undefined ? '' : `, column ${column}`}`;
  const fix = detail.includes('"update"') ? 'run it with --update' : FIXES[code];
  const rest = partly ? ' (the rest of the row is written: import it again)' : '';
  return cleanText(`${place}: ${code}: ${detail}${fix ? `; ${fix}` : ''}${rest}`);
}
