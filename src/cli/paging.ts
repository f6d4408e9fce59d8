import type { Page } from './client.ts';
import type { Flag } from './command.ts';
import type { Io } from './io.ts';
import { wholeOf } from './number-flag.ts';
import { type Cell, printJson, printTable } from './table.ts';

const DEFAULT_PAGE_SIZE = 100;
/** What the broker takes is the broker's to say. */
const ANY = 999_999_999_999_999;

/** Flags of every list; the words are those of ThingsBoard's API. */
export const pagingFlags = {
  page: { type: 'string', value: '<n>', summary: 'which page, from 0' },
  'page-size': { type: 'string', value: '<n>', summary: `rows a page (${DEFAULT_PAGE_SIZE})` },
} as const satisfies Readonly<Record<string, Flag>>;

interface Paging {
  readonly page?: string | undefined;
  readonly 'page-size'?: string | undefined;
}

export function pagingOf(given: Paging): { page: number; pageSize: number } {
  return {
    page: wholeOf('--page', given.page ?? '0', [0, ANY]),
    pageSize: wholeOf('--page-size', given['page-size'] ?? String(DEFAULT_PAGE_SIZE), [1, ANY]),
  };
}

/** A page as JSON, or as a table with one row an entry and how to get more. */
export function printPage<T>(
  io: Io,
  page: Page<T>,
  { json, given }: { readonly json: boolean; readonly given: Paging },
  headings: readonly string[],
  row: (entry: T) => readonly Cell[],
): void {
  if (json) {
    printJson(io, page);
    return;
  }
  printTable(io, headings, page.data.map(row));
  printMore(io, page, given);
}

/** Says that there is more, and how to get it; on stderr, so that a pipe holds rows only. */
function printMore(io: Io, page: Page<unknown>, given: Paging): void {
  if (!page.hasNext) return;
  const next = pagingOf(given).page + 1;
  io.stderr.write(`${page.data.length} of ${page.totalElements}; more with --page ${next}\n`);
}
