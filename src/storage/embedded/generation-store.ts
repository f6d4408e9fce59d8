import type { GenerationRecord, GenerationStore } from '../generation-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Span } from './environment.ts';
import { sequenceKey } from './keys.ts';
import { jsonOf, putJson } from './records.ts';

const NEWEST_FIRST: Span = { from: sequenceKey(0), to: Buffer.alloc(7, 0xff), reverse: true };

/** Few records, each read whole: the list needs no index. */
export function createGenerationStore(
  { tables: { generations } }: Environment,
  committer: Committer,
  max: number,
): GenerationStore {
  const all = (): { readonly key: Buffer; readonly record: GenerationRecord }[] =>
    [...generations.entries(NEWEST_FIRST)].map(({ key, value }) => ({
      key: Buffer.from(key),
      record: jsonOf<GenerationRecord>(value),
    }));
  return {
    put: (record) =>
      committer.run((tx) => {
        const former = all();
        const rest = former.filter((one) => one.record.id !== record.id);
        for (const one of former) if (one.record.id === record.id) generations.remove(one.key);
        for (const one of rest.slice(max - 1)) generations.remove(one.key);
        putJson(generations, sequenceKey(tx.nextSequence()), record);
      }),
    get: async (id) => all().find(({ record }) => record.id === id)?.record,
    list: async () => all().map(({ record: { id, at, by } }) => ({ id, at, by })),
  };
}
