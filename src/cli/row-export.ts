import { type JsonValue, stringifyJson } from '../model/json.ts';
import type { Flag } from './command.ts';
import { csvRow } from './csv.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { tellRecords } from './progress.ts';
import type { Column } from './row-file.ts';
import { openSink } from './sink.ts';
import { printJson } from './table.ts';

export const formatFlag = {
  format: {
    type: 'string',
    value: '<csv or json>',
    summary: 'by default JSON for a name that ends in .json, else CSV',
  },
} as const satisfies Readonly<Record<string, Flag>>;

interface Options<T> {
  /** `-` is standard output. */
  readonly path: string;
  readonly format: string | undefined;
  readonly json: boolean;
  readonly unit: string;
  readonly columns: readonly Column<T>[];
  readonly pages: AsyncIterable<readonly T[]>;
}

/** Writes rows into a new file, which goes again when it cannot be whole; gives the exit code. */
export async function exportRows<T>(io: Io, options: Options<T>): Promise<number> {
  const { path, json, unit, columns, pages } = options;
  const format = options.format ?? (path.endsWith('.json') ? 'json' : 'csv');
  if (format !== 'csv' && format !== 'json') throw new UsageError(`--format is csv or json, not "${format}".`);
  if (json && path === '-') throw new UsageError('--json prints a summary: give a file for the rows.');
  const sink = await openSink(io, path);
  const progress = tellRecords(io);
  let count = 0;
  try {
    await sink.write(format === 'csv' ? csvRow(columns.map(({ heading }) => heading)) : '[');
    for await (const rows of pages) {
      const texts = rows.map((row, at) => {
        if (format === 'csv') return csvRow(columns.map((column) => column.write(row)));
        return `${count + at === 0 ? '' : ','}\n${stringifyJson(row as JsonValue)}`;
      });
      await sink.write(texts.join(''));
      count += rows.length;
      if (path !== '-') progress.at(unit, count);
    }
    if (format === 'json') await sink.write('\n]\n');
  } catch (error) {
    await sink.discard();
    throw error;
  } finally {
    progress.end();
  }
  await sink.close();
  if (json) printJson(io, { file: path, format, [unit]: count });
  else if (path !== '-') io.stdout.write(`${path}: ${count} ${unit}\n`);
  return EXIT.fine;
}
