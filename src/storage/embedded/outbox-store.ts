import type { OutboxStore } from '../outbox-store.ts';
import type { Committer } from './committer.ts';
import type { Environment } from './environment.ts';
import { joinKey, prefixEnd, textKey, textOf } from './keys.ts';

const ALL = textKey('');
const BEHIND = Buffer.from([0]);

/** Table: `outbox` id -> bytes. */
export function createOutboxStore({ tables }: Environment, committer: Committer): OutboxStore {
  const { outbox } = tables;
  return {
    put: ({ id, bytes }) => committer.run(() => outbox.put(textKey(id), bytes), { bytes: bytes.length }),
    async list(after, limit) {
      const from = after === undefined ? ALL : joinKey(textKey(after), BEHIND);
      const entries = outbox.entries({ from, to: prefixEnd(ALL), limit });
      return [...entries].map(({ key, value }) => ({ id: textOf(key), bytes: value }));
    },
    remove: (ids) =>
      committer.run(() => {
        for (const id of ids) outbox.remove(textKey(id));
      }),
  };
}
