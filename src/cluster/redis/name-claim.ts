import { setTimeout as delay } from 'node:timers/promises';
import { BrokerError } from '../../errors.ts';
import type { Log } from '../../observe/index.ts';
import type { Queue } from '../../storage/redis/queue.ts';
import { instanceIdOf, type RunId } from '../bus.ts';
import type { Instances } from '../instances.ts';
import { readBeats } from './beats.ts';
import { KEYS } from './keys.ts';
import { isKnownDead } from './process-place.ts';

/** Heartbeats that a run of the same name must have missed: it was killed, and this one stands in for it. */
const MISSED_BEATS = 3;
const LOOKS_A_BEAT = 4;

/**
 * Resolves once no other run of this instance's name gives signs of life. Waits for one that was killed a moment ago, three
 * heartbeats at most; where its process is seen to be gone, not at all. Throws CONFIG_INVALID when it lives.
 */
export async function awaitOwnName(queue: Queue, self: RunId, parts: { everyMs: number; log: Log }): Promise<void> {
  const { everyMs, log } = parts;
  const name = instanceIdOf(self);
  let seen: ReadonlyMap<RunId, number> | undefined;
  for (;;) {
    const { now, beats } = await readBeats(queue);
    const silent = now - everyMs * MISSED_BEATS;
    const recent = await withoutDead(
      queue,
      new Map([...beats].filter(([run, at]) => isSame(run, self) && at > silent)),
    );
    if (recent.size === 0) return;
    // One that began meanwhile lives, too.
    const before = seen;
    if (before && [...recent].some(([run, at]) => at > (before.get(run) ?? Number.NEGATIVE_INFINITY)))
      throw taken(name);
    if (!before) {
      const event = { event: 'cluster.name-wait', instance: name, maxMs: everyMs * MISSED_BEATS };
      log.info(event, 'a broker of this name was alive a moment ago: waiting for it to be gone');
    }
    seen = recent;
    await delay(everyMs / LOOKS_A_BEAT);
  }
}

/** Of two that start at the same moment, the one that was listed as the second leaves. Throws CONFIG_INVALID. */
export async function giveWay(
  queue: Queue,
  instances: Pick<Instances, 'self' | 'others' | 'close'>,
  everyMs: number,
): Promise<void> {
  const { self, others } = instances;
  const same = others.filter(({ run, silentMs }) => isSame(run, self) && silentMs < everyMs * MISSED_BEATS);
  if ((await withoutDead(queue, new Map(same.map(({ run, silentMs }) => [run, silentMs])))).size === 0) return;
  await instances.close();
  throw taken(instanceIdOf(self));
}

async function withoutDead(queue: Queue, runs: ReadonlyMap<RunId, number>): Promise<ReadonlyMap<RunId, number>> {
  if (runs.size === 0) return runs;
  const told = (await queue.send('hmget', [KEYS.instances, ...runs.keys()])) as readonly (string | null)[];
  return new Map([...runs].filter((_, at) => !isKnownDead(told[at] ?? null)));
}

const isSame = (run: RunId, self: RunId): boolean => run !== self && instanceIdOf(run) === instanceIdOf(self);

function taken(name: string): BrokerError {
  const detail =
    `another broker on this Redis is named "${name}", and it is alive: give each broker a GRIDMOOR_INSTANCE_ID of its own` +
    ' (absent, it is the host name), or stop the other one first';
  return new BrokerError('CONFIG_INVALID', { detail });
}
