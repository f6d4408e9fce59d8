import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedStorage } from '../../../../src/storage/embedded/index.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import type { AedesPacket } from '../../../../src/transport/mqtt/app/persistence.ts';
import { StoredSessions } from '../../../../src/transport/mqtt/app/stored-sessions.ts';
import { nodeTest } from '../../../helpers/node-test.ts';

const abstractPersistence = createRequire(import.meta.url)('aedes-persistence/abstract.js') as (
  options: object,
) => void;

let dataDir = '';
let storage: Storage;

async function freshStore(): Promise<Storage> {
  await storage?.close();
  if (dataDir) rmSync(dataDir, { recursive: true, force: true });
  dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-app-'));
  storage = await openEmbeddedStorage({ dataDir, sync: false });
  return storage;
}

afterAll(async () => {
  await storage?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function sessionsOf({ appSessions }: Storage, change: Partial<ConstructorParameters<typeof StoredSessions>[0]> = {}) {
  if (!appSessions) throw new Error('no app sessions');
  return new StoredSessions({
    store: appSessions,
    now: () => 1_000,
    queue: { maxMessages: 10_000, maxBytes: 1_000_000 },
    maxRetained: 100,
    maxSessionMs: 3_600_000,
    onError(error) {
      throw error;
    },
    ...change,
  });
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

describe('stored sessions: the suite of aedes-persistence', () => {
  abstractPersistence({ test: nodeTest, testAsync: true, persistence: async () => sessionsOf(await freshStore()) });
});

describe('stored sessions', () => {
  beforeAll(freshStore);
  const client = { id: 'k/one', sessionExpiryInterval: 10 };
  const subscription = { topic: 'app/#', qos: 1 };

  it('subscriptions, queue and retained messages outlive the process', async () => {
    const store = await freshStore();
    const before = sessionsOf(store);
    await before.setup({ id: 'b' });
    await before.addSubscriptions(client, [subscription]);
    expect(before.matching('app/x').map(({ clientId }) => clientId)).toEqual(['k/one']);
    await before.outgoingEnqueueCombi(before.matching('app/a'), packet(1));
    await before.outgoingEnqueueCombi(before.matching('app/a'), packet(2));
    await before.storeRetained(packet(3, { topic: 'app/kept', retain: true }));
    await before.outgoingUpdate(client, packet(1, { messageId: 7 }));
    await storage.close();
    storage = await openEmbeddedStorage({ dataDir, sync: false });
    const after = sessionsOf(storage);
    await after.setup({ id: 'c' });
    expect(await after.subscriptionsByClient(client)).toMatchObject([subscription]);
    const queued: AedesPacket[] = [];
    for await (const one of after.outgoingStream(client)) queued.push(one);
    expect(queued.map(({ messageId }) => messageId)).toEqual([7, undefined]);
    expect(await payloads(after.createRetainedStream('app/+'))).toEqual(['n3']);
    await after.outgoingClearMessageId(client, { messageId: 7 });
    expect(await payloads(after.outgoingStream(client))).toEqual(['n2']);
  });

  it('a queue beyond its limits loses the oldest messages, counted', async () => {
    const sessions = sessionsOf(await freshStore(), { queue: { maxMessages: 3, maxBytes: 100_000 } });
    await sessions.setup({ id: 'b' });
    for (let serial = 1; serial <= 5; serial++) await sessions.outgoingEnqueue({ clientId: 'k/one' }, packet(serial));
    expect(await payloads(sessions.outgoingStream(client))).toEqual(['n3', 'n4', 'n5']);
    expect(sessions.lost).toBe(2);
  });

  it('a queue is bounded by bytes too, and keeps at least the newest message', async () => {
    const sessions = sessionsOf(await freshStore(), { queue: { maxMessages: 100, maxBytes: 1_000 } });
    await sessions.setup({ id: 'b' });
    for (let serial = 1; serial <= 4; serial++)
      await sessions.outgoingEnqueue(
        { clientId: 'k/one' },
        packet(serial, { payload: Buffer.alloc(700, `${serial}`) }),
      );
    expect((await payloads(sessions.outgoingStream(client))).map((text) => text[0])).toEqual(['4']);
    await sessions.outgoingEnqueue({ clientId: 'k/one' }, packet(5, { payload: Buffer.alloc(5_000, '5') }));
    expect((await payloads(sessions.outgoingStream(client))).map((text) => text[0])).toEqual(['5']);
  });

  it('a session goes, with its queue, when it has been without a connection for its time, also over a restart', async () => {
    const store = await freshStore();
    const before = sessionsOf(store);
    await before.setup({ id: 'b' });
    await before.addSubscriptions(client, [subscription]);
    await before.outgoingEnqueueCombi(before.matching('app/a'), packet(1));
    const after = sessionsOf(store);
    await after.setup({ id: 'c' });
    await after.sweep(10_999, () => true);
    expect(after.sessionCount).toBe(1);
    await after.sweep(11_000, () => true);
    expect(after.sessionCount).toBe(0);
    expect(await payloads(after.outgoingStream(client))).toEqual([]);
    expect(await store.appSessions?.sessions()).toEqual([]);
  });

  it('a session goes with the key it belongs to, though it is connected', async () => {
    const sessions = sessionsOf(await freshStore());
    await sessions.setup({ id: 'b' });
    await sessions.addSubscriptions(client, [subscription]);
    await sessions.addSubscriptions({ ...client, id: 'other/one' }, [subscription]);
    await sessions.sweep(0, (id) => id.startsWith('other/'));
    expect(sessions.matching('app/x').map(({ clientId }) => clientId)).toEqual(['other/one']);
  });

  it('a topic more than there may be retained is not kept; others still change', async () => {
    const sessions = sessionsOf(await freshStore(), { maxRetained: 2 });
    await sessions.setup({ id: 'b' });
    for (const topic of ['app/1', 'app/2', 'app/3']) await sessions.storeRetained(packet(1, { topic }));
    await sessions.storeRetained(packet(2, { topic: 'app/2' }));
    expect(await payloads(sessions.createRetainedStream('app/#'))).toEqual(['n1', 'n2']);
    await sessions.storeRetained(packet(4, { topic: 'app/1', payload: Buffer.alloc(0) }));
    await sessions.storeRetained(packet(5, { topic: 'app/3' }));
    expect(await payloads(sessions.createRetainedStream('app/#'))).toEqual(['n2', 'n5']);
  });
});
