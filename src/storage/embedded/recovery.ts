import { randomBytes } from 'node:crypto';
import type { Batch } from './commit-group.ts';
import type { Committer } from './committer.ts';
import type { Environment } from './environment.ts';
import { noteClosed, openJournal, readJournal, readMark, wasClosed, writeMark } from './journal.ts';
import type { Codec } from './portions.ts';

export interface RecoveryOptions {
  /** Of the journal. */
  readonly file: string;
  /** A record is on the disk before it is acknowledged. */
  readonly sync: boolean;
  /** Records that cannot be read. */
  readonly onDamage: (records: number) => void;
  /** The last run did not end in order, and the file that it wrote to is gone or has been cut. */
  readonly onLost: () => void;
  /** There is no place for a journal: every write waits for its commit. */
  readonly onMissing: (error: unknown) => void;
}

/**
 * Brings into the store what was acknowledged and not yet there when the process died, then begins a new journal. Rejects with
 * STORE_UNAVAILABLE where the store does not take it; a store that only has no room for a journal opens without one.
 */
export async function recover<Item>(
  { tables }: Environment,
  committer: Committer,
  batch: Batch<Item> & { readonly codec: Codec<Item> },
  { file, sync, onDamage, onLost, onMissing }: RecoveryOptions,
): Promise<void> {
  const mark = readMark(tables.meta);
  const found = mark === undefined ? undefined : readJournal(file, mark);
  const { records = [], damaged = 0 } = found ?? {};
  if (damaged > 0) onDamage(damaged);
  if (mark !== undefined && found?.whole === false && !wasClosed(tables.meta, mark.id)) onLost();
  const id = randomBytes(16);
  const begin = (): Promise<void> =>
    committer.run((tx) => {
      for (const { items } of records) batch.apply(tx, batch.codec.unpack(items));
      writeMark(tables.meta, { id, sequence: 0 });
    });
  // What was acknowledged must be there before anything else is done.
  if (records.length > 0) await begin();
  try {
    if (records.length === 0) await begin();
    committer.journalTo(openJournal(file, { id, sync }));
  } catch (error) {
    onMissing(error);
    // Without a journal the next start misses none. Where even that is not taken, it may say that it does.
    await committer.run(() => noteClosed(tables.meta, id)).catch(() => undefined);
  }
}
