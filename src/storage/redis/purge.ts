import type { EntityId } from '../../model/entity.ts';
import type { Draft } from './commit.ts';
import type { Entities, EntityData } from './entities.ts';
import { aliveKey, entityOfText, entityText, KEYS } from './keys.ts';
import type { Queue } from './queue.ts';

/**
 * Removes what hangs on deleted entities outside of the step that deletes them. The deletion notes the entity; what a broker
 * that died left is found by the next sweep, also of another broker.
 */
export interface Purge {
  /** Notes it, within the step that deletes. */
  note(draft: Draft, entity: EntityId): void;
  isNoted(draft: Draft, entity: EntityId): Promise<boolean>;
  /** Drops everything; the note stays for one more sweep, which catches what a slow writer has stored meanwhile. */
  run(entity: EntityId): Promise<void>;
  /** Drops everything and takes the note away: for an id that is about to be used again. */
  finish(entity: EntityId): Promise<void>;
  /** Finishes whatever is noted, and creations that were cut short. Only when nobody else uses the store. */
  finishAll(): Promise<void>;
  stop(): void;
}

export interface PurgeOptions {
  readonly queue: Queue;
  readonly entities: Entities;
  readonly data: EntityData;
  readonly onFailure: (error: unknown) => void;
}

const SWEEP_MS = 5_000;
/** A note or a creation younger than this may still be in the hands of the broker that made it, ms. */
const SETTLED_MS = 10_000;
const IDS_PER_SWEEP = 200;

export function createPurge({ queue, entities, data, onFailure }: PurgeOptions): Purge {
  let sweeping = false;

  async function run(entity: EntityId): Promise<void> {
    await queue.send('del', [aliveKey(entity.id)]);
    await data.drop(entity);
  }

  async function finish(entity: EntityId): Promise<void> {
    await run(entity);
    await queue.send('zrem', [KEYS.purges, entityText(entity)]);
  }

  async function listed(key: string, until: number | string): Promise<readonly string[]> {
    return (await queue.send('zrangebyscore', [key, '-inf', until, 'LIMIT', 0, IDS_PER_SWEEP])) as readonly string[];
  }

  /** Gives how many there were. */
  async function sweep(until: number | string): Promise<number> {
    const [purges, unsettled] = [await listed(KEYS.purges, until), await listed(KEYS.unsettled, until)];
    for (const text of purges) {
      const entity = entityOfText(text);
      await entities.alone(entity.id, () => finish(entity));
    }
    for (const id of unsettled) await entities.settleListed(id);
    return purges.length + unsettled.length;
  }

  const timer = setInterval(() => {
    if (sweeping || !queue.health().ok) return;
    sweeping = true;
    queue
      .background(() => sweep(Date.now() - SETTLED_MS))
      .catch(onFailure)
      .finally(() => {
        sweeping = false;
      });
  }, SWEEP_MS);
  timer.unref();
  return {
    note: (draft, entity) => draft.write('zadd', KEYS.purges, Date.now(), entityText(entity)),
    isNoted: (draft, entity) => draft.listed(KEYS.purges, entityText(entity)),
    run,
    finish,
    async finishAll() {
      // What is settled leaves its list behind the answer.
      while ((await sweep('+inf')) > 0) await queue.drain();
    },
    stop: () => clearInterval(timer),
  };
}
