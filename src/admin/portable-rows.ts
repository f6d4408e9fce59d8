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

/** Each row on its own: what is wrong with one is told by its number, and the others are done. */
export async function eachRow<T>(rows: readonly T[], run: (row: T) => Promise<RowOutcome>) {
  const counts = { created: 0, changed: 0, known: 0 };
  const refused: { row: number; code: string; field?: string; detail: string; partly?: true }[] = [];
  for (const [at, row] of rows.entries()) {
    try {
      counts[await run(row)]++;
    } catch (thrown) {
      const partly = thrown instanceof PartlyDone;
      const error = partly ? thrown.cause : thrown;
      if (!(error instanceof BrokerError) || error.code === 'STORE_UNAVAILABLE') throw error;
      const { field } = error.facts;
      refused.push({
        row: at + 1,
        code: error.code,
        ...(typeof field === 'string' ? { field } : {}),
        detail: error.detail,
        ...(partly ? { partly } : {}),
      });
    }
  }
  return { ...counts, refused };
}

/** How an export names a device or an asset: as an import elsewhere finds it. */
export async function portableName(ref: NodeRef, deps: AdminDeps): Promise<string> {
  const node = await shown(ref, deps);
  if (node.name === undefined) return ref;
  return ref.startsWith('DEVICE:') ? `DEVICE:${node.name}` : `ASSET:${node.type}/${node.name}`;
}
