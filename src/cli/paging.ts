import type { Page } from './client.ts';
import type { Flag } from './command.ts';
import { type Io, UsageError } from './io.ts';
import { type Cell, printJson, printTable } from './table.ts';

const DEFAULT_PAGE_SIZE = 100;

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
    page: whole('--page', given.page, 0, 0),
    pageSize: whole('--page-size', given['page-size'], DEFAULT_PAGE_SIZE, 1),
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

function whole(flag: string, text: string | undefined, fallback: number, least: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new UsageError(`${flag} takes a whole number, not "${text}".`);
  return value;
}
