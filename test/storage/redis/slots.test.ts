import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { slotOf } from '../../../src/storage/redis/slots.ts';
import { startRedisCluster, type TestRedisCluster } from '../../helpers/redis.ts';

let cluster: TestRedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

it('slots are those that Redis finds', async () => {
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('no node');
  expect(slotOf('123456789')).toBe(0x31c3);
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !text.includes('{')),
      async (text) => {
        expect(slotOf(text)).toBe(await node.client.cluster('KEYSLOT', Buffer.from(text) as never));
      },
    ),
    { numRuns: 200 },
  );
  expect(slotOf('gm')).toBe(await node.client.cluster('KEYSLOT', '{gm}:devices'));
});
