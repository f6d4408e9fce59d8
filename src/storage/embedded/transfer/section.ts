import type { Section } from '../../transfer.ts';
import type { Committer } from '../committer.ts';
import type { Environment, Span, Table } from '../environment.ts';
import { joinKey } from '../keys.ts';
import type { Tx } from '../sequence.ts';

/** What the sections of the embedded store stand on. */
export interface TransferParts {
  readonly environment: Environment;
  readonly committer: Committer;
}

/** All keys of any table. */
const ALL: Span = { from: Buffer.from([0]), to: Buffer.alloc(64, 0xff) };
const PER_PAGE = 500;
const NEXT = Buffer.from([0]);

/** Entries of a table in the order of their keys, read page by page: nothing is held open between two. */
export function* entriesOf(
  table: Table,
  { from, to }: Pick<Span, 'from' | 'to'> = ALL,
): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
  for (let start = from; ; ) {
    const page = [...table.entries({ from: start, to, limit: PER_PAGE })];
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PER_PAGE) return;
    start = joinKey(last.key, NEXT);
  }
}

/** The same without the values. */
export function* keysOf(table: Table): Generator<Buffer> {
  for (let start = ALL.from; ; ) {
    const page = [...table.keys({ from: start, to: ALL.to, limit: PER_PAGE })];
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PER_PAGE) return;
    start = joinKey(last, NEXT);
  }
}

/** In the order in which the groups are met. */
export function groupsOf<T>(items: readonly T[], groupOf: (item: T) => number): ReadonlyMap<number, readonly T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(groupOf(item));
    if (group === undefined) groups.set(groupOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** A section whose records are written one by one, in one transaction for all that come at once. */
export function section<I>(
  { committer }: TransferParts,
  items: () => Iterable<I> | AsyncIterable<I>,
  put: (tx: Tx, item: I, at: number) => void,
): Section<I> {
  return {
    async *items() {
      yield* items();
    },
    put: (records, at) =>
      committer.run((tx) => {
        for (const [index, record] of records.entries()) put(tx, record, at + index);
      }),
  };
}
