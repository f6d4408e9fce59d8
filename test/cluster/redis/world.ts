import { newRunId } from '../../../src/cluster/bus.ts';
import type { InstanceFacts } from '../../../src/cluster/instances.ts';
import { joinRedisCluster } from '../../../src/cluster/redis/index.ts';
import type { BeatTimes } from '../../../src/cluster/redis/instances.ts';
import { createLog } from '../../../src/observe/index.ts';
import type { RedisTarget } from '../../../src/storage/redis/connection.ts';
import type { TestRedis } from '../../helpers/redis.ts';

export type Member = Awaited<ReturnType<typeof joinRedisCluster>>;

export const FAST: BeatTimes = { everyMs: 50, deadMs: 400 };

let runs = 0;

/** An instance among those behind the Redis. */
export const member = ({ host, port }: Pick<TestRedis, 'host' | 'port'>): Promise<Member> =>
  memberOf({ kind: 'standalone', host, port });

export function memberOf(target: RedisTarget, times: BeatTimes = FAST, name?: string): Promise<Member> {
  const epoch = Date.now() + ++runs;
  const id = name ?? `broker-${epoch}`;
  const facts = (): InstanceFacts => ({
    id,
    epoch,
    startedAt: epoch,
    version: '1.2.3',
    addresses: { mqtt: '127.0.0.1:1883' },
    draining: false,
    sessions: 0,
  });
  return joinRedisCluster({
    connection: { target },
    self: newRunId(id, epoch, 'test'),
    facts,
    times,
    log: createLog({ level: 'fatal' }),
  });
}
