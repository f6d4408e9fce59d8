import type { OutboxStore } from '../outbox-store.ts';
import { KEYS } from './keys.ts';
import type { Queue } from './queue.ts';
import { loadTimed } from './scripts.ts';

const PUT = loadTimed('put-outbox');

export function createOutboxStore(queue: Queue): OutboxStore {
  return {
    put: ({ id, bytes }) =>
      queue.write(bytes.length, async () => {
        await queue.timed(PUT, [KEYS.outbox, KEYS.outboxOrder], [id, bytes]);
      }),
    async list(after, limit) {
      const from = after === undefined ? '-' : `(${after}`;
      const words = [KEYS.outboxOrder, from, '+', 'LIMIT', 0, limit];
      const ids = limit < 1 ? [] : ((await queue.send('zrangebylex', words)) as readonly string[]);
      if (ids.length === 0) return [];
      const found = (await queue.sendBuffer('hmget', [KEYS.outbox, ...ids])) as readonly (Buffer | null)[];
      return ids.flatMap((id, at) => {
        const bytes = found[at];
        return bytes ? [{ id, bytes }] : [];
      });
    },
    remove: (ids) =>
      queue.write(0, async () => {
        if (ids.length === 0) return;
        await Promise.all([queue.send('hdel', [KEYS.outbox, ...ids]), queue.send('zrem', [KEYS.outboxOrder, ...ids])]);
      }),
  };
}
