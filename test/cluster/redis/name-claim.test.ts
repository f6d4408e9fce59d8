import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { newRunId } from '../../../src/cluster/bus.ts';
import { KEYS } from '../../../src/cluster/redis/keys.ts';
import { ownPlace } from '../../../src/cluster/redis/process-place.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { type Member, memberOf } from './world.ts';

/** Three of its beats are longer than a busy machine stands still. */
const TIMES = { everyMs: 300, deadMs: 2_400 };
let redis: TestRedis;
let members: Member[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(members.map((one) => one.close()));
  members = [];
  await redis.client.flushall();
});
afterAll(() => redis[Symbol.asyncDispose]());

const join = async (name: string): Promise<Member> => {
  const { host, port } = redis;
  const one = await memberOf({ kind: 'standalone', host, port }, TIMES, name);
  members.push(one);
  return one;
};
const named = async (): Promise<readonly string[]> =>
  ((await members[0]?.instances.list()) ?? []).map(({ id }) => id).sort();
/** As a run leaves it that was killed just now. */
const plantKilled = async (name: string): Promise<string> => {
  const run = newRunId(name, Date.now() - 60_000, 'dead');
  const [seconds = '0'] = (await redis.client.call('time')) as string[];
  await redis.client.zadd(KEYS.beats, Number(seconds) * 1_000 + 999, run);
  return run;
};

it('the name of a broker that lives is refused, and the refused one was never listed', async () => {
  await join('one');
  await expect(join('one')).rejects.toThrow(/named "one", and it is alive: give each broker a GRIDMOOR_INSTANCE_ID/);
  await join('one.1');
  await join('two');
  expect(await named()).toEqual(['one', 'one.1', 'two']);
});

it('the name of one that has left is free at once, that of one that was killed after its third missed heartbeat', async () => {
  await (await join('one')).close();
  members = [];
  await join('one');
  const run = await plantKilled('two');
  const begin = performance.now();
  await join('two');
  expect(performance.now() - begin).toBeGreaterThan(TIMES.everyMs);
  expect(await redis.client.zscore(KEYS.beats, run)).not.toBeNull();
});

it.runIf(process.platform === 'linux')('where the process is seen to be gone, its name is free at once', async () => {
  const run = await plantKilled('one');
  const child = spawn('true');
  await once(child, 'exit');
  await redis.client.hset(KEYS.instances, run, JSON.stringify({ id: 'one', process: { ...ownPlace, pid: child.pid } }));
  await join('one');
  expect(await redis.client.zscore(KEYS.beats, run)).not.toBeNull();
  // Elsewhere the same number says nothing.
  for (const [name, process] of [
    ['two', { place: 'elsewhere', pid: child.pid }],
    ['three', { ...ownPlace, pid: 1 }],
    ['four', { ...ownPlace, pid: -1 }],
    ['five', 'nonsense'],
  ] as const) {
    const other = await plantKilled(name);
    await redis.client.hset(KEYS.instances, other, JSON.stringify({ id: name, process }));
    const begin = performance.now();
    await join(name);
    expect(performance.now() - begin).toBeGreaterThan(TIMES.everyMs);
  }
});

it('of three that start at once with one name, one runs', async () => {
  const tried = await Promise.allSettled([join('one'), join('one'), join('one')]);
  expect(tried.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const one of tried) if (one.status === 'rejected') expect(String(one.reason)).toMatch(/GRIDMOOR_INSTANCE_ID/);
  expect(await named()).toEqual(['one']);
});
