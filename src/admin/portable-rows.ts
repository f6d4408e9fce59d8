import { BrokerError } from '../errors.ts';
import type { NodeRef } from '../model/tree.ts';
import { flag, json, oneOf } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { shown } from './trees.ts';
import { list, object } from './wire.ts';

const count = { type: 'integer' } as const;
const string = { type: 'string' } as const;

/** What an import does with what is there: refuse it, add what it lacks, or change it as well. */
const EXISTING = ['refuse', 'complete', 'update'] as const;

export interface ImportOptions {
  readonly existing: (typeof EXISTING)[number];
  /** Nothing is written: the answer says what would be. */
  readonly dryRun: boolean;
  readonly by: string;
}

export type RowOutcome = 'created' | 'changed' | 'known';

/** A row that was refused after a part of it had been written. */
export class PartlyDone extends Error {
  override readonly name = 'PartlyDone';
}

export const importFields = {
  existing: oneOf(
    'What is there already: `refuse` it; `complete`: add what it lacks, and refuse it when it has something else; `update`: change it.',
    EXISTING,
    { default: 'refuse' },
  ),
  dryRun: flag('Write nothing, and say what would be.', { default: false }),
};

export const IMPORTED = object({
  created: count,
  changed: count,
  known: { ...count, description: 'They are just so already.' },
  refused: list(
    object({
      row: { ...count, description: 'From 1.' },
      code: string,
      'field?': string,
      detail: string,
      'partly?': { type: 'boolean', description: 'A part of the row is written; the same row again completes it.' },
    }),
  ),
});

export const rowsOf = <T>(schema: Record<string, unknown>, maxItems: number) =>
  json<readonly T[]>(`At most ${maxItems} rows.`, { type: 'array', maxItems, items: schema });

interface Refused {
  readonly row: number;
  readonly code: string;
  readonly field?: string;
  readonly detail: string;
  readonly partly?: true;
}

/** Rows that are written at once share their commits. */
const AT_ONCE = 50;

/**
 * Each row on its own: what is wrong with one is told by its number, and the others are done.
 * @param waits whether a row must not begin before the earlier one has ended; absent: all wait for each other
 */
export async function eachRow<T>(
  rows: readonly T[],
  run: (row: T) => Promise<RowOutcome>,
  waits: (row: T, earlier: T) => boolean = () => true,
) {
  const counts = { created: 0, changed: 0, known: 0 };
  const refused: Refused[] = [];
  for (let at = 0; at < rows.length; ) {
    const group = independentFrom(rows, at, waits);
    const ended = await Promise.allSettled(group.map(run));
    for (const [index, one] of ended.entries()) {
      if (one.status === 'fulfilled') counts[one.value]++;
      else refused.push(toRefused(at + index + 1, one.reason));
    }
    at += group.length;
  }
  return { ...counts, refused };
}

function independentFrom<T>(rows: readonly T[], at: number, waits: (row: T, earlier: T) => boolean): readonly T[] {
  const most = rows.slice(at, at + AT_ONCE);
  const first = most.findIndex((row, index) => most.slice(0, index).some((earlier) => waits(row, earlier)));
  return first < 0 ? most : most.slice(0, first);
}

/** Throws what no row can help. */
function toRefused(row: number, thrown: unknown): Refused {
  const partly = thrown instanceof PartlyDone;
  const error = partly ? thrown.cause : thrown;
  if (!(error instanceof BrokerError) || error.code === 'STORE_UNAVAILABLE') throw error;
  const { code, detail } = error;
  const { field } = error.facts;
  return {
    row,
    code,
    ...(typeof field === 'string' ? { field } : {}),
    detail,
    ...(partly ? { partly } : {}),
  };
}

/** How an export names a device or an asset: as an import elsewhere finds it. */
export async function portableName(ref: NodeRef, deps: AdminDeps): Promise<string> {
  const node = await shown(ref, deps);
  if (node.name === undefined) return ref;
  return ref.startsWith('DEVICE:') ? `DEVICE:${node.name}` : `ASSET:${node.type}/${node.name}`;
}
