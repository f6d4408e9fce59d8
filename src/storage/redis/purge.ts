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

  async function listed(key: string): Promise<readonly string[]> {
    const until = Date.now() - SETTLED_MS;
    return (await queue.send('zrangebyscore', [key, '-inf', until, 'LIMIT', 0, IDS_PER_SWEEP])) as readonly string[];
  }

  async function sweep(): Promise<void> {
    for (const text of await listed(KEYS.purges)) {
      const entity = entityOfText(text);
      await entities.alone(entity.id, () => finish(entity));
    }
    for (const id of await listed(KEYS.unsettled)) await entities.settleListed(id);
  }

  const timer = setInterval(() => {
    if (sweeping || !queue.health().ok) return;
    sweeping = true;
    queue
      .background(sweep)
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
    stop: () => clearInterval(timer),
  };
}
