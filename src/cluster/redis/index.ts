import type { Log } from '../../observe/index.ts';
import { openConnection, type RedisConnectionOptions } from '../../storage/redis/connection.ts';
import { createQueue } from '../../storage/redis/queue.ts';
import { type Bus, instanceIdOf, type RunId } from '../bus.ts';
import type { InstanceFacts, Instances } from '../instances.ts';
import type { SessionRegistry } from '../session-registry.ts';
import { redisBus } from './bus.ts';
import { type BeatTimes, redisInstances } from './instances.ts';
import { awaitOwnName, giveWay } from './name-claim.ts';
import { redisSessions } from './sessions.ts';

export interface RedisClusterOptions {
  readonly connection: RedisConnectionOptions;
  readonly self: RunId;
  readonly facts: () => InstanceFacts;
  readonly times?: BeatTimes;
  readonly log: Log;
}

const TIMES: BeatTimes = { everyMs: 1_000, deadMs: 6_000 };
/** A login does not wait longer for a Redis that is away, ms. */
const WAIT_MS = 3_000;
const OPEN_MS = 10_000;

/**
 * This instance among the others behind one Redis. Throws STORE_UNAVAILABLE when Redis does not answer, CONFIG_INVALID when
 * another that lives has its name.
 */
export async function joinRedisCluster({ connection, self, facts, times = TIMES, log }: RedisClusterOptions) {
  const commands = openConnection({ ...connection, name: 'gridmoor-cluster' });
  const reader = openConnection({ ...connection, name: 'gridmoor-inbox' });
  const queue = createQueue(commands, { waitMs: WAIT_MS });
  try {
    await queue.opened(OPEN_MS);
    await awaitOwnName(queue, self, { everyMs: times.everyMs, log });
    const instances = redisInstances(queue, self, { facts, times, log });
    const bus = redisBus({ queue, reader, self, log });
    await instances.join();
    await giveWay(queue, instances, times.everyMs);
    instances.onJoined((run) => {
      if (instanceIdOf(run) !== instanceIdOf(self)) return;
      log.error(
        { event: 'cluster.name-taken', run },
        'another broker has the name of this one: see GRIDMOOR_INSTANCE_ID',
      );
    });
    await bus.start();
    return {
      bus: bus as Bus,
      instances: instances as Instances,
      sessions: redisSessions(queue, self, times.deadMs) as SessionRegistry,
      /** Takes this instance out, tells the others, and closes the connections. */
      async close(): Promise<void> {
        await instances
          .close()
          .catch((error: unknown) => log.warn({ event: 'cluster.leave', err: error }, 'this instance is still listed'));
        await bus.close();
        await queue.close();
      },
    };
  } catch (error) {
    reader.close();
    commands.close();
    throw error;
  }
}
