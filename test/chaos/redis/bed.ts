import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expectNothingFound } from '../../helpers/checker.ts';
import type { JournalClient } from '../../helpers/journal-client.ts';
import { type NetProxy, startProxy } from '../../helpers/proxy.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { MAIN } from '../broken-build.ts';
import { randomOf } from '../random.ts';
import type { FleetPlan } from '../rig-parts.ts';
import { durableAcks } from './recovery.ts';
import { type ClusterRig, standalone, startClusterRig } from './rig.ts';

/** What the devices do when a fault comes. */
export interface Work {
  readonly name: string;
  readonly plan: Omit<FleetPlan, 'seed'>;
  /** So many acknowledged messages show that work goes on. */
  readonly some: number;
}

const BUSY: Work = {
  name: 'during provisioning, as fast as it goes',
  plan: { groups: 8_000, messages: 60, parallel: 12, window: 8 },
  some: 100,
};
const LONG: readonly Work[] = [
  {
    name: 'at rest',
    plan: { groups: 20, messages: 100_000, parallel: 20, window: 1, paceMs: 2_000, shape: 'alone' },
    some: 10,
  },
  {
    name: 'at half of the load',
    plan: { groups: 40, messages: 100_000, parallel: 40, window: 2, paceMs: 50, shape: 'alone' },
    some: 100,
  },
  BUSY,
];

/** In the suite faults fall on a fleet that does everything at once; CHAOS_LONG adds one at rest and one at half of the load. */
export const WORKS: readonly Work[] = process.env.CHAOS_LONG ? LONG : [BUSY];
export const SEED = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));

/** Two brokers on one Redis, each with a network of its own to Redis and to the devices, and a fleet at work. */
export interface Bed extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly rig: ClusterRig;
  /** Between each broker and Redis. */
  readonly toRedis: readonly NetProxy[];
  /** Between the devices and each broker. */
  readonly toBroker: readonly NetProxy[];
  readonly fleet: JournalClient;
  /** Resolves when messages are acknowledged again, and enough of them; gives how long that took, ms. */
  goesOn(times?: number, deadlineMs?: number): Promise<number>;
  /** Messages that write something, and are sent and acknowledged within so many ms from now. */
  storedWithin(ms: number): Promise<number>;
  /** Ends the work and the brokers: every invariant held. */
  nothingFound(): Promise<void>;
}

export interface BedOptions {
  /** Entry file of another build. */
  readonly main?: string;
  readonly habits?: Partial<FleetPlan>;
  readonly env?: Readonly<Record<string, string>>;
  readonly envOf?: (member: number) => Readonly<Record<string, string>>;
}

export async function makeBed(
  work: Work,
  { habits = {}, main = MAIN, env = {}, envOf = () => ({}) }: BedOptions = {},
): Promise<Bed> {
  const stack = new AsyncStack();
  try {
    const redis = stack.use(await startRedis({ durable: true }));
    const place = standalone(redis);
    const toRedis: NetProxy[] = [];
    for (const n of [0, 1]) toRedis.push(stack.use(await startProxy(redis.port, randomOf(SEED + n))));
    const url = (n: number) => ({ REDIS_URL: `redis://127.0.0.1:${toRedis[n]?.port}` });
    const rig = await startClusterRig(place, { main, env, envOf: (n) => ({ ...url(n), ...envOf(n) }) });
    stack.use(rig);
    const toBroker: NetProxy[] = [];
    for (const { broker } of rig.members) toBroker.push(stack.use(await startProxy(broker.ports.mqtt, randomOf(SEED))));
    const fleet = await rig.fleet(
      { ...work.plan, seed: SEED, ...habits },
      toBroker.map(({ port }) => port),
    );
    const bed: Bed = {
      ...{ redis, rig, toRedis, toBroker, fleet },
      async goesOn(times = 1, deadlineMs = 60_000) {
        const before = performance.now();
        const goal = fleet.progress.acked + work.some * times;
        await fleet.until(({ acked }) => acked >= goal, `${work.some * times} messages more`, deadlineMs);
        return performance.now() - before;
      },
      async storedWithin(ms) {
        const from = Date.now();
        await pause(ms);
        return durableAcks(fleet.journal(), from).length;
      },
      async nothingFound() {
        await fleet.stop(60_000);
        const { findings, store } = await rig.judge({ counts: await rig.counts() });
        const letters = store.deadLettered?.size ?? 0;
        const { acked, provisioned, logins } = fleet.progress;
        console.log(
          `${acked} messages, ${provisioned} devices, ${logins} logins; ${letters} messages acknowledged as dead letters`,
        );
        expectNothingFound(findings);
      },
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    };
    await bed.goesOn();
    return bed;
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/** What is to be taken down, the last one first. */
export class AsyncStack implements AsyncDisposable {
  readonly #parts: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) await part[Symbol.asyncDispose]();
  }
}
