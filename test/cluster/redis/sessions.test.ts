import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { KEYS } from '../../../src/cluster/redis/keys.ts';
import type { DeviceId } from '../../../src/model/ids.ts';
import { eventually } from '../../chaos/eventually.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { FAST, type Member, member } from './world.ts';

let redis: TestRedis;
let members: Member[] = [];
const id = (n: number): DeviceId => `784f394c-42b6-435a-983c-${n.toString(16).padStart(12, '0')}` as DeviceId;
const D = id(1);

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(members.map((one) => one.close()));
  members = [];
  await redis.client.flushall();
});
afterAll(() => redis[Symbol.asyncDispose]());

const join = async (): Promise<Member> => {
  const one = await member(redis);
  members.push(one);
  return one;
};

it('the newest claim holds, and hears who had the session', async () => {
  const [a, b] = [await join(), await join()];
  const first = await a.sessions.claim(D);
  expect(first.former).toBeUndefined();
  const second = await b.sessions.claim(D);
  expect(second.former).toEqual({ run: a.bus.self, epoch: first.epoch });
  expect(second.epoch).toBeGreaterThan(first.epoch);
  expect(await a.sessions.owner(D)).toBe(b.bus.self);
  const again = await b.sessions.claim(D);
  expect(again.former).toBeUndefined();
  expect(again.epoch).toBeGreaterThan(second.epoch);
});

it('an old claim releases nothing of a newer one', async () => {
  const [a, b] = [await join(), await join()];
  const first = await a.sessions.claim(D);
  const second = await b.sessions.claim(D);
  const newer = await b.sessions.claim(D);
  expect(await a.sessions.release(D, first.epoch)).toBe(false);
  expect(await b.sessions.release(D, second.epoch)).toBe(false);
  expect(await b.sessions.owner(D)).toBe(b.bus.self);
  expect(await b.sessions.release(D, newer.epoch)).toBe(true);
  expect(await b.sessions.owner(D)).toBeUndefined();
  expect(await redis.client.exists(KEYS.sessions, KEYS.sessionsByRun)).toBe(0);
});

it('of a hundred claims at once every one but the first has another before it, and one holds', async () => {
  const [a, b] = [await join(), await join()];
  const all = await Promise.all(
    Array.from({ length: 100 }, async (_, at) => {
      const who = at % 2 === 0 ? a : b;
      return { who, claim: await who.sessions.claim(D) };
    }),
  );
  const last = all.reduce((x, y) => (x.claim.epoch > y.claim.epoch ? x : y));
  expect(new Set(all.map(({ claim }) => claim.epoch)).size).toBe(100);
  expect(await a.sessions.owner(D)).toBe(last.who.bus.self);
});

it('a claim that is sent twice is one claim', async () => {
  const [a, b] = [await join(), await join()];
  await a.sessions.claim(D);
  const claim = await b.sessions.claim(D);
  const held = await redis.client.hget(KEYS.sessions, D);
  const [, , number] = held?.split(' ') ?? [];
  const sha = await scriptOf('session-claim');
  const repeat = await redis.client.evalsha(sha, 2, KEYS.sessions, KEYS.sessionsByRun, D, b.bus.self, String(number));
  expect(repeat).toEqual([String(claim.epoch), a.bus.self, String(claim.former?.epoch)]);
  expect(await redis.client.hget(KEYS.sessions, D)).toBe(held);
});

it('sessions of a dead run are taken out once, those of a live one never', async () => {
  const [a, b, c] = [await join(), await join(), await join()];
  for (let n = 0; n < 300; n++) await a.sessions.claim(id(n));
  await b.sessions.claim(id(7));
  expect(await b.sessions.takeOrphans(a.bus.self, 100)).toEqual([]);
  await redis.client.zadd(KEYS.beats, 1, 'broker-x.dead.run');
  await a.instances.close();
  const taken: string[] = [];
  for (;;) {
    const [some, others] = await Promise.all([
      b.sessions.takeOrphans(a.bus.self, 100),
      c.sessions.takeOrphans('broker-x.dead.run' as never, 100),
    ]);
    expect(others).toEqual([]);
    if (some.length === 0) break;
    taken.push(...some.map(({ device }) => device));
  }
  expect(taken).toHaveLength(299);
  expect(taken).not.toContain(id(7));
  expect(await redis.client.hlen(KEYS.sessions)).toBe(1);
});

it('claims that Redis has lost are written again, those of others are told', async () => {
  const [a, b] = [await join(), await join()];
  const mine = await Promise.all([1, 2, 3].map((n) => a.sessions.claim(id(n))));
  await redis.client.del(KEYS.sessions, KEYS.sessionsByRun);
  await b.sessions.claim(id(2));
  const claims = mine.map(({ epoch }, at) => ({ device: id(at + 1), epoch }));
  expect(await a.sessions.confirm(claims)).toEqual({ lost: [id(2)], restored: [id(1), id(3)] });
  expect(await a.sessions.confirm([{ device: id(1), epoch: mine[0]?.epoch ?? 0 }])).toEqual({ lost: [], restored: [] });
});

it('callers of a device are known until their calls are over', async () => {
  const [a, b] = [await join(), await join()];
  await a.sessions.callWaits(D);
  expect(await b.sessions.callersOf(D)).toEqual([a.bus.self]);
  expect(await a.sessions.callersOf(D)).toEqual([]);
  expect(await redis.client.pttl(`{gm}:callers:${D}`)).toBeGreaterThan(60_000);
  await a.sessions.callsWaitNoMore(D);
  expect(await b.sessions.callersOf(D)).toEqual([]);
});

it('instances know each other; a silent one is told of as gone', async () => {
  const a = await join();
  const joined = new Promise<string>((resolve) => a.instances.onJoined(resolve));
  const b = await join();
  expect(await joined).toBe(b.bus.self);
  expect((await a.instances.list()).map(({ run }) => run)).toEqual([a.bus.self, b.bus.self]);
  expect(a.instances.isLive(b.bus.self)).toBe(true);
  const gone = new Promise<string>((resolve) => a.instances.onGone(resolve));
  await b.instances.close();
  expect(await gone).toBe(b.bus.self);
  expect(a.instances.isLive(b.bus.self)).toBe(false);
  expect((await a.instances.list()).map(({ run }) => run)).toEqual([a.bus.self]);
});

it('after a Redis that was away nobody is taken for dead before all had time to give a sign of life', async () => {
  const [a, b] = [await join(), await join()];
  await eventually('both have been heard', () => a.instances.others.length + b.instances.others.length === 2, 5_000);
  const gone: string[] = [];
  for (const one of [a, b]) one.instances.onGone((run) => gone.push(run));
  redis.pause();
  await pause(3 * FAST.deadMs);
  redis.resume();
  await eventually(
    'both are listed with a fresh sign of life',
    async () => {
      const listed = await a.instances.list();
      return listed.length === 2 && listed.every(({ silentMs }) => silentMs < FAST.deadMs);
    },
    5_000,
  );
  expect(gone).toEqual([]);
  expect([a.instances.isLive(b.bus.self), b.instances.isLive(a.bus.self)]).toEqual([true, true]);
});

it('one that ended while Redis was away is told of as gone a little later', async () => {
  const a = await join();
  const dead = 'broker-x.1.dead';
  const gone = new Promise<string>((resolve) => a.instances.onGone(resolve));
  await redis.client.zadd(KEYS.beats, Date.now() + FAST.deadMs, dead);
  redis.pause();
  await pause(2 * FAST.deadMs);
  redis.resume();
  expect(await gone).toBe(dead);
});

it('one instance leads, and another follows it', async () => {
  const [a, b] = [await join(), await join()];
  expect([a.instances.leads, b.instances.leads]).toEqual([true, false]);
  await a.instances.close();
  await eventually('the other leads', () => b.instances.leads, 5_000);
  expect(b.instances.leads).toBe(true);
});

it('an instance whose registry was lost comes back and is told so', async () => {
  const a = await join();
  const returned = new Promise<void>((resolve) => a.instances.onReturned(resolve));
  await redis.client.flushall();
  await returned;
  expect((await a.instances.list()).map(({ run }) => run)).toEqual([a.bus.self]);
});

async function scriptOf(name: string): Promise<string> {
  const { loadScript } = await import('../../../src/storage/redis/scripts.ts');
  return loadScript(name).sha;
}
