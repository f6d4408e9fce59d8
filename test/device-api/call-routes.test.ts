import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callersKey } from '../../src/cluster/redis/keys.ts';
import { createCallRoutes } from '../../src/device-api/call-routes.ts';
import { createRpc, type Rpc } from '../../src/device-api/rpc.ts';
import type { CallToDevice } from '../../src/device-api/rpc-queue.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { createLog } from '../../src/observe/index.ts';
import { eventually } from '../chaos/eventually.ts';
import { type Member, memberOf } from '../cluster/redis/world.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const OPTIONS = {
  strategy: 'BURST',
  defaultTimeoutMs: 10_000,
  minTimeoutMs: 1,
  ackTimeoutMs: 5_000,
  maxRetries: 2,
  closeOnDeliveryTimeout: false,
  maxPerDevice: 5,
  maxTotal: 8,
  keepMs: 60_000,
} as const;
const CALL = { method: 'blink', params: '{"n":1}', oneway: false, timeoutMs: 8_000 };

interface Broker extends Member {
  readonly rpc: Rpc;
}

describe('calls over instances', () => {
  let redis: TestRedis;
  let rooms: Rooms;
  let brokers: Broker[] = [];
  let id: DeviceId;

  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(async () => {
    rooms = await openRooms();
    rooms.clock.set(Date.now());
    const made = await rooms.registry.create({ name: 'm1', profile: 'p', by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    id = made.device.id;
  });
  afterEach(async () => {
    for (const { rpc } of brokers) rpc.stop();
    await Promise.all(brokers.map((one) => one.close()));
    brokers = [];
    await rooms[Symbol.asyncDispose]();
    await redis.client.flushall();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  /** @param aheadMs how far its clock is ahead of that of the others. */
  const broker = async (aheadMs = 0): Promise<Broker> => {
    // None dies here: a busy machine must not look like one that does.
    const { host, port } = redis;
    const joined = await memberOf({ kind: 'standalone', host, port }, { everyMs: 50, deadMs: 10_000 });
    const log = createLog({ level: 'silent' });
    const routes = createCallRoutes({ ...joined, registry: joined.sessions, log });
    const { storage } = rooms;
    const clock = { ...rooms.clock, now: () => rooms.clock.now() + aheadMs };
    const rpc = createRpc({ routes, store: storage.rpcs, clock, log, options: OPTIONS, json: { maxDepth: 32 } });
    const one = { ...joined, rpc };
    brokers.push(one);
    return one;
  };

  /** A device at that broker that answers each call with its name. */
  const listen = (at: Broker, name: string, calls: CallToDevice[] = []): (() => void) =>
    at.rpc.listen(id, {
      send(call, acknowledged) {
        calls.push(call);
        setImmediate(() => {
          acknowledged(true);
          const text = JSON.stringify({ by: name, method: call.method });
          at.rpc.answer(id, call.id, Buffer.from(text)).catch(() => undefined); // the others may be closed by then
        });
        return 'sent';
      },
    });
  /** The instances, once the first knows of the others. */
  const brokersThatKnow = async (count: number): Promise<readonly Broker[]> => {
    const all: Broker[] = [];
    for (let n = 0; n < count; n++) all.push(await broker());
    await eventually(
      'they know of each other',
      () => all.every((one) => one.instances.others.length === count - 1),
      5_000,
    );
    return all;
  };

  /** A device that takes calls there and answers elsewhere. */
  const silent = (at: Broker, calls: CallToDevice[]): (() => void) =>
    at.rpc.listen(id, {
      send(call, acknowledged) {
        calls.push(call);
        setImmediate(() => acknowledged(true));
        return 'sent';
      },
    });
  const noNote = async (): Promise<void> => {
    await eventually('no note is left', async () => (await redis.client.exists(callersKey(id))) !== 1, 5_000);
  };
  const answerOf = (name: string) => ({ kind: 'response', text: `{"by":"${name}","method":"blink"}` });

  it('a call goes to the instance where the device listens, and its answer comes back', async () => {
    const [a, b] = [await broker(), await broker()];
    await b.sessions.claim(id);
    listen(b, 'b');
    expect(await a.rpc.call(id, CALL)).toEqual(answerOf('b'));
    await noNote();
  });

  it('a call has its whole time where the clock is another one', async () => {
    const [a, b] = [await broker(), await broker(600_000)];
    await b.sessions.claim(id);
    listen(b, 'b');
    expect(await a.rpc.call(id, CALL)).toEqual(answerOf('b'));
  });

  it('a device without a session is found too: a long poll', async () => {
    const [a, b] = [await broker(), await broker()];
    listen(b, 'b');
    expect(await a.rpc.call(id, CALL)).toEqual(answerOf('b'));
  });

  it('a call that waits goes to whichever instance the device comes to', async () => {
    const [a, b] = [await broker(), await broker()];
    const call = a.rpc.call(id, CALL);
    await eventually('the call waits', async () => (await b.sessions.callersOf(id)).length !== 0, 5_000);
    await b.sessions.claim(id);
    listen(b, 'b');
    expect(await call).toEqual(answerOf('b'));
  });

  it('a call that waits at an instance which the device leaves goes on to the next', async () => {
    const [a, b, c] = [await broker(), await broker(), await broker()];
    await b.sessions.claim(id);
    let asked = 0;
    const leave = b.rpc.listen(id, {
      send() {
        asked++;
        return 'sent'; // and never acknowledges
      },
    });
    const call = a.rpc.call(id, CALL);
    await eventually('the device is asked', () => asked !== 0, 5_000);
    leave();
    await c.sessions.claim(id);
    listen(c, 'c');
    expect(await call).toEqual(answerOf('c'));
  });

  it('a call goes to the device once when it comes back to where the call was made', async () => {
    const [a, b] = [await broker(), await broker()];
    const leave = b.rpc.listen(id, { send: () => 'refused' });
    const call = a.rpc.call(id, CALL);
    await eventually('the call waits', async () => (await b.sessions.callersOf(id)).length !== 0, 5_000);
    leave();
    const calls: CallToDevice[] = [];
    listen(a, 'a', calls);
    expect(await call).toEqual(answerOf('a'));
    expect(calls).toHaveLength(1);
  });

  it('an instance that stops gives calls back', async () => {
    const [a, b] = [await broker(), await broker()];
    let asked = 0;
    b.rpc.listen(id, {
      send() {
        asked++;
        return 'sent';
      },
    });
    const call = a.rpc.call(id, CALL);
    await eventually('the device is asked', () => asked !== 0, 5_000);
    b.rpc.stop();
    listen(a, 'a');
    expect(await call).toEqual(answerOf('a'));
  });

  it('nobody listens: the call ends in its time, and leaves no note', async () => {
    const [a] = [await broker(), await broker()];
    expect(await a.rpc.call(id, { ...CALL, timeoutMs: 200 })).toEqual({ kind: 'no-session' });
    await noNote();
  });

  it('a one-way call is done when the other instance has delivered it', async () => {
    const [a, b] = [await broker(), await broker()];
    const calls: CallToDevice[] = [];
    listen(b, 'b', calls);
    expect(await a.rpc.call(id, { ...CALL, oneway: true })).toEqual({ kind: 'done' });
    expect(calls.map(({ method }) => method)).toEqual(['blink']);
  });

  it('a persistent call that is stored at one instance is delivered by the other at once', async () => {
    const [a, b] = [await broker(), await broker()];
    const calls: CallToDevice[] = [];
    listen(b, 'b', calls);
    const made = await a.rpc.persist(id, CALL);
    if (made.kind !== 'queued') throw new Error(made.kind);
    await eventually(
      'it is answered',
      async () => (await rooms.storage.rpcs.get(made.id))?.state === 'SUCCESSFUL',
      5_000,
    );
    expect(calls).toHaveLength(1);
  });

  it('the device may answer at another instance: at that of the caller, or at a third', async () => {
    const [a, b, c] = (await brokersThatKnow(3)) as [Broker, Broker, Broker];
    for (const [round, at] of [a, c].entries()) {
      const calls: CallToDevice[] = [];
      const leave = silent(b, calls);
      const call = a.rpc.call(id, CALL);
      await eventually('the device has the call', () => calls.length === 1, 5_000);
      leave();
      await at.rpc.answer(id, calls[0]?.id ?? -1, Buffer.from(`{"round":${round}}`));
      expect(await call).toEqual({ kind: 'response', text: `{"round":${round}}` });
    }
  });

  it('a persistent call that is answered at another instance is successful once the answer is acknowledged', async () => {
    const [a, b] = (await brokersThatKnow(2)) as [Broker, Broker];
    const calls: CallToDevice[] = [];
    const leave = silent(b, calls);
    const made = await b.rpc.persist(id, CALL);
    if (made.kind !== 'queued') throw new Error(made.kind);
    const state = async () => (await rooms.storage.rpcs.get(made.id))?.state;
    await eventually('the device has taken the call', async () => (await state()) === 'DELIVERED', 5_000);
    leave();
    await a.rpc.answer(id, calls[0]?.id ?? -1, Buffer.from('{"on":true}'));
    expect(await rooms.storage.rpcs.get(made.id)).toMatchObject({ state: 'SUCCESSFUL', response: '{"on":true}' });
    await a.rpc.answer(id, calls[0]?.id ?? -1, Buffer.from('{"late":true}'));
    expect(await rooms.storage.rpcs.get(made.id)).toMatchObject({ response: '{"on":true}' });
  });

  it('calls are carried in their order', async () => {
    const [a, b] = [await broker(), await broker()];
    const calls: CallToDevice[] = [];
    listen(b, 'b', calls);
    for (let round = 0; round < 200; round++) {
      await Promise.all([1, 2, 3].map((n) => a.rpc.call(id, { ...CALL, method: `${round}-${n}` })));
    }
    expect(calls.map(({ method }) => method)).toEqual(
      Array.from({ length: 200 }, (_, round) => [1, 2, 3].map((n) => `${round}-${n}`)).flat(),
    );
    expect(new Set(calls.map((call) => call.id)).size).toBe(600);
  });
});
