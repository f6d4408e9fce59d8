import { createHash } from 'node:crypto';

/** How many records there are, and a number that is the same only for the same records. */
export interface Tally {
  readonly records: number;
  /** Hex. Of a set it does not depend on the order. */
  readonly digest: string;
}

export interface Tallier {
  /** @param text of `canonicalText`. */
  add(text: string): void;
  tally(): Tally;
}

const MASK = 2n ** 256n - 1n;

/** The sum of the hashes of all records; of a list each hash is of the place, too. */
export function createTallier(kind: 'set' | 'list'): Tallier {
  let records = 0;
  let sum = 0n;
  return {
    add(text) {
      const hash = createHash('sha256');
      if (kind === 'list') hash.update(`${records}\n`);
      sum = (sum + BigInt(`0x${hash.update(text, 'utf8').digest('hex')}`)) & MASK;
      records++;
    },
    tally: () => ({ records, digest: sum.toString(16).padStart(64, '0') }),
  };
}

/** JSON in which the members of all objects stand in the order of their names. */
export const canonicalText = (record: unknown): string => JSON.stringify(ordered(record));

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([name, member]) => [name, ordered(member)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
