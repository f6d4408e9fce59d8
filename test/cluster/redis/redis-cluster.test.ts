import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { busConformance, hearing, pushOf, textsOf } from '../../conformance/cluster/bus.ts';
import { startRedisCluster, type TestRedisCluster } from '../../helpers/redis.ts';
import { type Member, memberOf } from './world.ts';

const D = '784f394c-42b6-435a-983c-b7beff2784f9' as DeviceId;
let redis: TestRedisCluster;
let members: Member[] = [];

beforeAll(async () => {
  redis = await startRedisCluster({});
}, 30_000);
afterEach(async () => {
  await Promise.all(members.map((one) => one.close()));
  members = [];
  await redis.flush();
});
afterAll(() => redis[Symbol.asyncDispose]());

const join = async (): Promise<Member> => {
  const nodes = redis.nodes.map(({ host, port }) => ({ host, port }));
  const one = await memberOf({ kind: 'cluster', nodes });
  members.push(one);
  return one;
};

busConformance('redis cluster', async () => ({
  join: async () => (await join()).bus,
  close: async () => {},
}));

it('sessions are claimed, and a reader that is cut off goes on where it stood, on a Redis Cluster', async () => {
  const [a, b] = [await join(), await join()];
  const first = await a.sessions.claim(D);
  expect((await b.sessions.claim(D)).former).toEqual({ run: a.bus.self, epoch: first.epoch });
  expect(await a.sessions.runs()).toEqual([b.bus.self]);
  const atB = hearing(b.bus);
  const texts = Array.from({ length: 200 }, (_, at) => String(at));
  for (const [at, text] of texts.entries()) {
    if (at === 100)
      for (const node of redis.nodes) await node.client.call('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    await a.bus.publish(b.bus.self, pushOf(text));
  }
  await atB.count(texts.length);
  expect(textsOf(atB.heard)).toEqual(texts);
});
