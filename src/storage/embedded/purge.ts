import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { prefixEnd } from './keys.ts';
import { NOTHING, removeRange } from './records.ts';

/** History records that one transaction removes: a few milliseconds of the event loop. */
const RECORDS_PER_STEP = 2000;

/**
 * Removes the history of deleted devices and assets: the first part in the deleting transaction, the rest in steps behind it.
 * What is left is unreachable from the first moment and noted in the store, so a restart goes on with it.
 */
export interface Purge {
  /** Inside the transaction that deletes the device or asset. */
  dropHistory(id: Buffer): void;
  /** Inside the transaction that makes a head: its id must not inherit what is left of a deleted entity. */
  finish(id: Buffer): void;
  /** Starts the steps when something is noted. */
  wake(): void;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
  readonly busy: boolean;
}

export function createPurge({ tables }: Environment, committer: Committer): Purge {
  let running: Promise<void> | undefined;

  async function work(): Promise<void> {
    while (nextPurge(tables) !== undefined) {
      try {
        await committer.run(() => {
          const id = nextPurge(tables);
          if (id !== undefined && dropStep(tables, id)) tables.purges.remove(id);
        });
      } catch {
        break; // the store reports its own trouble; the note stays for the next wake
      }
    }
    running = undefined;
  }

  return {
    dropHistory(id) {
      if (!dropStep(tables, id)) tables.purges.put(id, NOTHING);
    },
    finish(id) {
      if (!tables.purges.has(id)) return;
      while (!dropStep(tables, id));
      tables.purges.remove(id);
    },
    wake() {
      if (running === undefined && nextPurge(tables) !== undefined) running = work();
    },
    idle: async () => running,
    get busy() {
      return running !== undefined;
    },
  };
}

function nextPurge({ purges }: Tables): Buffer | undefined {
  for (const id of purges.keys({ from: Buffer.from([0]), to: Buffer.alloc(17, 0xff), limit: 1 })) return id;
  return undefined;
}

/** True when nothing is left. */
function dropStep({ history }: Tables, id: Buffer): boolean {
  return removeRange(history, { from: id, to: prefixEnd(id) }, RECORDS_PER_STEP) < RECORDS_PER_STEP;
}
