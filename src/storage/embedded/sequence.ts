import type { Table } from './environment.ts';
import { SEQUENCE_BYTES, textKey } from './keys.ts';

const KEY = textKey('sequence');

/** What an operation may use beside the tables. */
export interface Tx {
  /** Grows over the whole life of the store, also over restarts and restores. */
  nextSequence(): number;
  /** Later numbers are greater than this one. */
  reach(sequence: number): void;
}

/** The store's one sequence; its state is part of each transaction, so an aborted one leaves no trace. */
export interface Sequence extends Tx {
  /** At the start and end of each transaction that may use it. */
  begin(): void;
  end(): void;
}

export function createSequence(meta: Table): Sequence {
  const bytes = Buffer.alloc(SEQUENCE_BYTES);
  let stored: number | undefined;
  let next = 0;
  const load = (): void => {
    if (stored !== undefined) return;
    const found = meta.view(KEY);
    stored = found === undefined ? 0 : found.readUIntBE(0, SEQUENCE_BYTES);
    next = stored;
  };
  return {
    begin() {
      stored = undefined;
    },
    nextSequence() {
      load();
      return ++next;
    },
    reach(sequence) {
      load();
      next = Math.max(next, sequence);
    },
    end() {
      if (stored === undefined || next === stored) return;
      bytes.writeUIntBE(next, 0, SEQUENCE_BYTES);
      meta.put(KEY, bytes);
    },
  };
}
