import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newRunId } from '../../../../src/cluster/bus.ts';
import { LocalHub } from '../../../../src/cluster/local.ts';
import { openLibraryClient } from '../../../../src/storage/redis/connection.ts';
import { ClusterEmitter } from '../../../../src/transport/mqtt/app/cluster-emitter.ts';
import type { AedesPacket } from '../../../../src/transport/mqtt/app/persistence.ts';
import { RedisSessions, type RedisSessionsOptions } from '../../../../src/transport/mqtt/app/redis-sessions.ts';
import { nodeTest } from '../../../helpers/node-test.ts';
import { startRedis, startRedisCluster, type TestRedis, type TestRedisCluster } from '../../../helpers/redis.ts';

const abstractPersistence = createRequire(import.meta.url)('aedes-persistence/abstract.js') as (
  options: object,
) => void;

const onError = (error: unknown): void => {
  throw error;
};
const newEmitter = () => new ClusterEmitter({ bus: undefined, onError });

let redis: TestRedis;
let cluster: TestRedisCluster;
beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
});
afterAll(async () => {
  await Promise.all([redis[Symbol.asyncDispose](), cluster[Symbol.asyncDispose]()]);
});

async function clientOf(kind: 'one' | 'cluster') {
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
  const target =
    kind === 'one'
      ? ({ kind: 'standalone', host: redis.host, port: redis.port } as const)
      : ({ kind: 'cluster', nodes } as const);
  const { client, ready } = openLibraryClient({ target }, 'gridmoor-app:');
  await ready(10_000);
  return client;
}

async function fresh(kind: 'one' | 'cluster', change: Partial<RedisSessionsOptions> = {}): Promise<RedisSessions> {
  if (kind === 'one') await redis.client.flushall();
  else await cluster.flush();
  return sessions(kind, change);
}

async function sessions(kind: 'one' | 'cluster', change: Partial<RedisSessionsOptions> = {}): Promise<RedisSessions> {
  return new RedisSessions({
    conn: await clientOf(kind),
    clustered: kind === 'cluster',
    now: () => 1_000,
    maxSessionMs: 3_600_000,
    queue: { maxMessages: 10_000, maxBytes: 1_000_000 },
    maxRetained: 1_000,
    onError,
    ...change,
  });
}

/** The broker as a persistence sees it. */
function brokerOf(id: string, emitter: ClusterEmitter) {
  return {
    id,
    publish: (packet: AedesPacket, done: (error?: Error) => void) => void emitter.emit(packet, done),
    subscribe: emitter.on.bind(emitter) as never,
    unsubscribe: emitter.removeListener.bind(emitter) as never,
  };
}

const packet = (serial: number, change: Partial<AedesPacket> = {}): AedesPacket => ({
  cmd: 'publish',
  brokerId: 'b',
  brokerCounter: serial,
  topic: 'app/a',
  payload: Buffer.from(`n${serial}`),
  qos: 1,
  retain: false,
  dup: false,
  ...change,
});

async function payloads(stream: AsyncIterable<AedesPacket>): Promise<string[]> {
  const found: string[] = [];
  for await (const one of stream) found.push(String(one.payload));
  return found;
}

describe('sessions in Redis: the suite of aedes-persistence', () => {
  abstractPersistence({ test: nodeTest, testAsync: true, buildEmitter: newEmitter, persistence: () => fresh('one') });
});

describe('sessions in a Redis Cluster: the suite of aedes-persistence', () => {
  abstractPersistence({
    test: nodeTest,
    testAsync: true,
    buildEmitter: newEmitter,
    persistence: () => fresh('cluster'),
  });
});

describe.each(['one', 'cluster'] as const)('sessions in Redis (%s)', (kind) => {
  const client = { id: 'k/one', sessionExpiryInterval: 10 };
  const two = [
    { topic: 'app/a', qos: 1 },
    { topic: 'app/b/+', qos: 0 },
  ];

  it('every broker knows at once who has subscribed at another, and after a restart', async () => {
    const hub = new LocalHub();
    const emitters = [1, 2].map((n) => new ClusterEmitter({ bus: hub.join(newRunId('b', n, 'test')), onError }));
    const [a, b] = [await fresh(kind), await sessions(kind)];
    const [first, second] = emitters;
    if (!first || !second) throw new Error('no emitters');
    await a.setup(brokerOf('a', first));
    await b.setup(brokerOf('b', second));
    await a.addSubscriptions(client, two);
    await expect.poll(() => b.matching('app/a').map(({ clientId }) => clientId)).toEqual(['k/one']);
    expect(b.matching('app/b/x')).toEqual([]); // QoS 0 is never queued
    const late = await sessions(kind);
    await late.setup(brokerOf('c', newEmitter()));
    expect(late.matching('app/a')).toHaveLength(1);
    expect(late.matching('app/b/x')).toEqual([]);
    await a.cleanSubscriptions(client);
    await expect.poll(() => b.sessionCount).toBe(0);
    await late.reload(); // it was told nothing
    expect(late.sessionCount).toBe(0);
    await Promise.all([a, b, late].map((one) => one.destroy()));
  });

  it('a queue leaves nothing behind, and what another session waits for stays', async () => {
    const one = await fresh(kind);
    await one.setup(brokerOf('a', newEmitter()));
    await one.addSubscriptions(client, two);
    for (let n = 1; n <= 20; n++) await one.outgoingEnqueueCombi([{ clientId: client.id }], packet(n));
    const other = { id: 'k/two', sessionExpiryInterval: 10 };
    await one.addSubscriptions(other, two);
    await one.outgoingEnqueueCombi([{ clientId: client.id }, { clientId: other.id }], packet(21));
    await one.cleanSubscriptions(client);
    expect(await payloads(one.outgoingStream(other))).toEqual(['n21']);
    await one.cleanSubscriptions(other);
    const nodes = kind === 'one' ? [redis] : cluster.nodes;
    expect((await Promise.all(nodes.map((node) => node.client.keys('*')))).flat()).toEqual([]);
    await one.destroy();
  });

  it('a queue beyond its limit loses the oldest messages, counted; more than 1,000 all come', async () => {
    const one = await fresh(kind, { queue: { maxMessages: 1_500, maxBytes: 10_000_000 } });
    await one.setup(brokerOf('a', newEmitter()));
    for (let n = 1; n <= 1_600; n++) await one.outgoingEnqueue({ clientId: client.id }, packet(n));
    expect(one.lost).toBe(100);
    expect((await payloads(one.outgoingStream(client)))[0]).toBe('n101');
    let taken = 0;
    for (;;) {
      const page: AedesPacket[] = [];
      for await (const queued of one.outgoingStream(client)) page.push(queued);
      if (page.length === 0) break;
      for (const [at, queued] of page.entries()) {
        await one.outgoingUpdate(client, { ...queued, messageId: at + 1 });
        await one.outgoingClearMessageId(client, { messageId: at + 1 });
        taken++;
      }
    }
    expect(taken).toBe(1_500);
    await one.destroy();
  });

  it('a queue is bounded by bytes too: the oldest go, with what Redis holds of them; a single large one stays', async () => {
    const one = await fresh(kind, { queue: { maxMessages: 1_000, maxBytes: 100_000 } });
    await one.setup(brokerOf('a', newEmitter()));
    const large = (n: number, bytes: number) => packet(n, { payload: Buffer.alloc(bytes, 65 + (n % 26)) });
    for (let n = 1; n <= 100; n++) {
      await one.outgoingEnqueueCombi([{ clientId: client.id }], large(n, 5_000));
      await one.outgoingEnqueueCombi([{ clientId: 'k/two' }], packet(1_000 + n));
    }
    const left = await payloads(one.outgoingStream(client));
    expect(left.length).toBeGreaterThan(14);
    expect(left.length).toBeLessThan(21);
    expect(left.at(-1)).toBe(String(large(100, 5_000).payload));
    expect(one.lost).toBe(100 - left.length);
    expect(await payloads(one.outgoingStream({ id: 'k/two' }))).toHaveLength(100);
    const nodes = kind === 'one' ? [redis] : cluster.nodes;
    const packets = (await Promise.all(nodes.map((node) => node.client.keys('*packet:*:*')))).flat();
    expect(packets.filter((key) => !key.endsWith('offlineCount'))).toHaveLength(100 + left.length);
    await one.outgoingEnqueueCombi([{ clientId: client.id }], large(101, 200_000));
    expect(await payloads(one.outgoingStream(client))).toHaveLength(1);
    await one.destroy();
  });

  it('a packet that two brokers take out is gone once, and stays for another session', async () => {
    const [one, other] = [await fresh(kind), await sessions(kind)];
    for (const [id, each] of [
      ['a', one],
      ['b', other],
    ] as const)
      await each.setup(brokerOf(id, newEmitter()));
    const second = { id: 'k/two' };
    const queued = packet(1);
    await one.outgoingEnqueueCombi([{ clientId: client.id }, { clientId: second.id }], queued);
    await Promise.all([one.take(client, queued), other.take(client, queued)]);
    await one.take(client, queued);
    expect(await payloads(one.outgoingStream(client))).toEqual([]);
    expect(await payloads(one.outgoingStream(second))).toEqual(['n1']);
    await other.take(second, queued);
    await one.outgoingUpdate(client, { ...queued, messageId: 1 }); // late, and its client may be gone: nobody takes it out again
    const nodes = kind === 'one' ? [redis] : cluster.nodes;
    expect((await Promise.all(nodes.map((node) => node.client.keys('*')))).flat()).toEqual([]);
    await Promise.all([one, other].map((each) => each.destroy()));
  });

  it('what is taken out of a queue makes room', async () => {
    const one = await fresh(kind, { queue: { maxMessages: 1_000, maxBytes: 20_000 } });
    await one.setup(brokerOf('a', newEmitter()));
    for (let n = 1; n <= 50; n++) {
      const queued = packet(n, { payload: Buffer.alloc(8_000) });
      await one.outgoingEnqueueCombi([{ clientId: client.id }], queued);
      await one.outgoingUpdate(client, { ...queued, messageId: n });
      await one.outgoingClearMessageId(client, { messageId: n });
    }
    expect(one.lost).toBe(0);
    await one.destroy();
  });

  it('retained messages are found by wildcards, and bounded', async () => {
    const one = await fresh(kind, { maxRetained: 300 });
    await one.setup(brokerOf('a', newEmitter()));
    for (let n = 0; n < 310; n++) await one.storeRetained(packet(n, { topic: `app/r/${n}`, retain: true }));
    expect(await payloads(one.createRetainedStream('app/+/7'))).toEqual(['n7']);
    expect(await payloads(one.createRetainedStream('app/#'))).toHaveLength(300);
    expect(one.lost).toBe(10);
    await one.destroy();
  });

  it('a session goes when its time is over, whichever broker looks', async () => {
    let now = 1_000;
    const one = await fresh(kind, { now: () => now });
    await one.setup(brokerOf('a', newEmitter()));
    await one.addSubscriptions(client, two);
    one.entered(client);
    now += 60_000;
    await one.sweep(now, () => true);
    expect(one.sessionCount).toBe(1);
    await one.left(client);
    now += 31_000;
    const other = await sessions(kind);
    await other.setup(brokerOf('b', newEmitter()));
    await other.sweep(now, () => true);
    expect(other.sessionCount).toBe(0);
    await Promise.all([one, other].map((each) => each.destroy()));
  });

  it('a session goes with the key it belongs to', async () => {
    const one = await fresh(kind);
    await one.setup(brokerOf('a', newEmitter()));
    await one.addSubscriptions(client, two);
    await one.sweep(0, (id) => !id.startsWith('k/'));
    expect(one.sessionCount).toBe(0);
    await one.destroy();
  });
});

describe('sessions in a Redis that is away', () => {
  it('refuse writes soon, so that the publication waits in the outbox', async () => {
    const own = await startRedis();
    const target = { kind: 'standalone', host: own.host, port: own.port } as const;
    const { client, ready } = openLibraryClient({ target }, 'x:');
    await ready(10_000);
    await own.kill();
    await expect.poll(() => client.status).not.toBe('ready');
    void client.lrem('list', 0, 'a'); // the library does not wait for this: unheard, its end would end the process
    const since = performance.now();
    await expect(client.hset('a', 'b', 'c')).rejects.toThrow();
    expect(performance.now() - since).toBeLessThan(3_000);
    await expect(ready(200)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    client.disconnect();
    await own[Symbol.asyncDispose]();
  });
});
