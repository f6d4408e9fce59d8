import type { GenerationRecord, GenerationStore } from '../generation-store.ts';
import type { Commits } from './commit.ts';
import { KEYS } from './keys.ts';
import { recordOf, recordsOf } from './names.ts';
import type { Queue } from './queue.ts';
import type { Sequence } from './sequence.ts';

export interface GenerationStoreParts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly sequence: Sequence;
  /** Records that are kept. */
  readonly max: number;
}

/** Few records, each read whole. */
export function createGenerationStore({ queue, commits, sequence, max }: GenerationStoreParts): GenerationStore {
  const newestFirst = async (): Promise<readonly string[]> =>
    (await queue.send('zrevrange', [KEYS.generationOrder, 0, -1])) as readonly string[];
  return {
    put: (record) =>
      commits.run('generations', async (draft) => {
        const rest = (await newestFirst()).filter((id) => id !== record.id);
        for (const id of rest.slice(max - 1)) {
          draft.write('hdel', KEYS.generations, id);
          draft.write('zrem', KEYS.generationOrder, id);
        }
        draft.write('hset', KEYS.generations, record.id, JSON.stringify(record));
        draft.write('zadd', KEYS.generationOrder, sequence.nextNumber(), record.id);
      }),
    get: (id) => recordOf<GenerationRecord>(queue, KEYS.generations, id),
    async list() {
      const records = await recordsOf<GenerationRecord>(queue, KEYS.generations, await newestFirst());
      return records.map(({ id, at, by }) => ({ id, at, by }));
    },
  };
}
