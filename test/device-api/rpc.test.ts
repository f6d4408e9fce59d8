import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newRunId } from '../../src/cluster/bus.ts';
import { LocalHub, localSessions } from '../../src/cluster/local.ts';
import { createCallRoutes } from '../../src/device-api/call-routes.ts';
import { createRpc, type RpcOptions, type RpcRequest } from '../../src/device-api/rpc.ts';
import type { CallToDevice, RpcLink } from '../../src/device-api/rpc-queue.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import type { RpcId } from '../../src/model/rpc.ts';
import { createLog } from '../../src/observe/index.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const log = createLog({ level: 'silent' });
const OPTIONS: RpcOptions = {
  strategy: 'BURST',
  defaultTimeoutMs: 10_000,
  minTimeoutMs: 5_000,
  ackTimeoutMs: 1_000,
  maxRetries: 2,
  closeOnDeliveryTimeout: false,
  maxPerDevice: 5,
  maxTotal: 8,
  keepMs: 60_000,
};
const request = (method: string, change: Partial<RpcRequest> = {}): RpcRequest => ({
  method,
  params: '{}',
  oneway: false,
  ...change,
});

/** A device that notes its calls. `qos` 0: nothing is acknowledged; `refuse` stands for a full socket. */
class Meter implements RpcLink {
  readonly calls: CallToDevice[] = [];
  readonly acks: ((taken: boolean) => void)[] = [];
  refuse = false;
  refusals = 0;
  closed = false;
  qos: 0 | 1 = 1;

  send(call: CallToDevice, acknowledged: (taken: boolean) => void) {
    if (this.refuse) {
      // A loop without end would not let the test tell of it.
      if (++this.refusals > 100) throw new Error('asked without end');
      return 'refused';
    }
    this.calls.push(call);
    this.acks.push(acknowledged);
    return this.qos === 0 ? 'delivered' : 'sent';
  }

  close(): void {
    this.closed = true;
  }

  /** Acknowledges the call at that place. */
  ack(at: number, taken = true): void {
    this.acks[at]?.(taken);
  }

  get methods(): string[] {
    return this.calls.map(({ id, method }) => `${id} ${method}`);
  }
}

async function setUp(rooms: Rooms, change: Partial<RpcOptions> = {}) {
  const { storage, clock, registry } = rooms;
  const options = { ...OPTIONS, ...change };
  const bus = new LocalHub().join(newRunId('alone', 0, 'test'));
  const routes = createCallRoutes({ bus, registry: localSessions, instances: { others: [] }, log });
  const make = () => createRpc({ routes, store: storage.rpcs, clock, log, options, json: { maxDepth: 32 } });
  const device = async (name: string): Promise<DeviceId> => {
    const made = await registry.create({ name, profile: 'p', by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    return made.device.id;
  };
  const rpc = make();
  const answer = (id: DeviceId, callId: number, text: string) => rpc.answer(id, callId, Buffer.from(text));
  const persist = async (id: DeviceId, wanted: RpcRequest): Promise<RpcId> => {
    const made = await rpc.persist(id, { timeoutMs: 60_000, ...wanted });
    if (made.kind !== 'queued') throw new Error(made.kind);
    return made.id;
  };
  const state = async (id: RpcId) => {
    await storage.drain();
    return (await storage.rpcs.get(id))?.state;
  };
  const pass = async (ms: number) => {
    clock.set(clock.now() + ms);
    await vi.advanceTimersByTimeAsync(ms);
  };
  /** Until what `listen` reads has been handed over. */
  const settled = () => vi.advanceTimersByTimeAsync(0);
  return { rpc, make, device, answer, persist, state, pass, settled };
}

describe('rpc: calls to devices', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('ids count from 0, for each device on its own, and the answer finds its caller', async () => {
    await using rooms = await openRooms();
    const { rpc, device, answer, settled } = await setUp(rooms);
    const [a, b] = [await device('a'), await device('b')];
    const [one, two] = [new Meter(), new Meter()];
    rpc.listen(a, one);
    rpc.listen(b, two);
    await settled();
    const calls = [rpc.call(a, request('m0')), rpc.call(a, request('m1')), rpc.call(b, request('m0'))];
    expect([one.methods, two.methods]).toEqual([['0 m0', '1 m1'], ['0 m0']]);
    await answer(a, 1, '{"n":1.0}');
    await answer(b, 0, '2');
    await answer(a, 0, 'text');
    await answer(a, 0, 'again');
    await answer(a, 7, 'unknown');
    expect(await Promise.all(calls)).toEqual([
      { kind: 'response', text: 'text' },
      { kind: 'response', text: '{"n":1.0}' },
      { kind: 'response', text: '2' },
    ]);
    rpc.stop();
  });

  it('a call waits for the device, and is no-session when it does not come, timeout when it does not answer', async () => {
    await using rooms = await openRooms();
    const { rpc, device, pass, settled } = await setUp(rooms);
    const id = await device('a');
    const early = rpc.call(id, request('early', { timeoutMs: 6_000 }));
    const lost = rpc.call(id, request('lost', { timeoutMs: 1 }));
    await pass(4_999);
    const meter = new Meter();
    const leave = rpc.listen(id, meter);
    await settled();
    expect(meter.methods).toEqual(['0 early', '1 lost']);
    await pass(1_001);
    expect(await early).toEqual({ kind: 'timeout' });
    expect(await lost).toEqual({ kind: 'timeout' });
    leave();
    const nobody = rpc.call(id, request('nobody', { timeoutMs: 1 }));
    await pass(5_000);
    expect(await nobody).toEqual({ kind: 'no-session' });
    rpc.stop();
  });

  it('a one-way call is done when it is written', async () => {
    await using rooms = await openRooms();
    const { rpc, device, settled } = await setUp(rooms);
    const id = await device('a');
    const waiting = rpc.call(id, request('m', { oneway: true }));
    rpc.listen(id, new Meter());
    expect(await waiting).toEqual({ kind: 'done' });
    await settled();
    rpc.stop();
  });

  it('what was sent and not acknowledged goes again to the next connection; what was acknowledged does not', async () => {
    await using rooms = await openRooms();
    const { rpc, device, answer, settled } = await setUp(rooms);
    const id = await device('a');
    const [first, second] = [new Meter(), new Meter()];
    const leave = rpc.listen(id, first);
    await settled();
    const [a, b] = [rpc.call(id, request('a')), rpc.call(id, request('b'))];
    first.ack(0);
    rpc.listen(id, second);
    expect(second.calls).toEqual([]);
    leave();
    await settled();
    expect(second.methods).toEqual(['1 b']);
    first.ack(1);
    await answer(id, 0, '1');
    await answer(id, 1, '2');
    expect([await a, await b]).toEqual([
      { kind: 'response', text: '1' },
      { kind: 'response', text: '2' },
    ]);
    rpc.stop();
  });

  it('calls in memory are bounded, of one device and in all, and their room comes back', async () => {
    await using rooms = await openRooms();
    const { rpc, device, pass } = await setUp(rooms);
    const [a, b] = [await device('a'), await device('b')];
    const outcomes: string[] = [];
    const call = (id: DeviceId) => rpc.call(id, request('m')).then(({ kind }) => void outcomes.push(kind));
    const all = [...Array.from({ length: 6 }, () => call(a)), ...Array.from({ length: 5 }, () => call(b))];
    await pass(0);
    expect(outcomes).toEqual(['busy', 'busy', 'busy']);
    await pass(10_000);
    await Promise.all(all);
    expect(outcomes.filter((kind) => kind === 'no-session')).toHaveLength(8);
    const again = call(a);
    await pass(10_000);
    await again;
    expect(outcomes.at(-1)).toBe('no-session');
    rpc.stop();
  });

  it('a device that takes nothing gets its calls later, in order', async () => {
    await using rooms = await openRooms();
    const { rpc, device, pass, settled } = await setUp(rooms);
    const id = await device('a');
    const meter = new Meter();
    rpc.listen(id, meter);
    await settled();
    meter.refuse = true;
    void rpc.call(id, request('a'));
    void rpc.call(id, request('b'));
    meter.refuse = false;
    await pass(1_000);
    await vi.waitFor(() => expect(meter.methods).toEqual(['0 a', '1 b']));
    rpc.stop();
  });

  it('a device that goes on taking nothing is asked once a second, and holds up nobody', async () => {
    await using rooms = await openRooms();
    const { rpc, device, pass, settled } = await setUp(rooms);
    const [id, other] = [await device('a'), await device('b')];
    const [meter, quick] = [new Meter(), new Meter()];
    rpc.listen(id, meter);
    rpc.listen(other, quick);
    await settled();
    meter.refuse = true;
    void rpc.call(id, request('a'));
    for (let second = 1; second <= 3; second++) {
      await pass(1_000);
      await vi.waitFor(() => expect(meter.refusals).toBe(1 + second));
    }
    void rpc.call(other, request('b'));
    expect(quick.methods).toEqual(['0 b']);
    meter.refuse = false;
    await pass(1_000);
    await vi.waitFor(() => expect(meter.methods).toEqual(['0 a']));
    rpc.stop();
  });

  it('the end of the instance ends what waits', async () => {
    await using rooms = await openRooms();
    const { rpc, device } = await setUp(rooms);
    const id = await device('a');
    const call = rpc.call(id, request('m'));
    rpc.stop();
    expect(await call).toEqual({ kind: 'shutting-down' });
    expect(await rpc.call(id, request('m'))).toEqual({ kind: 'shutting-down' });
  });

  describe('persistent', () => {
    it('goes QUEUED, SENT, DELIVERED, SUCCESSFUL', async () => {
      await using rooms = await openRooms();
      const { rpc, device, answer, persist, state, settled } = await setUp(rooms);
      const id = await device('a');
      const call = await persist(id, request('m'));
      expect(await state(call)).toBe('QUEUED');
      const meter = new Meter();
      rpc.listen(id, meter);
      await settled();
      expect(await state(call)).toBe('SENT');
      meter.ack(0);
      expect(await state(call)).toBe('DELIVERED');
      await answer(id, 0, '{"ok":1.0}');
      expect((await rooms.storage.rpcs.get(call))?.response).toBe('{"ok":1.0}');
      expect(await state(call)).toBe('SUCCESSFUL');
      rpc.stop();
    });

    it('ends DELIVERED when it is one-way, at QoS 0 as soon as it is written', async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, state, settled } = await setUp(rooms);
      const id = await device('a');
      const calls = [await persist(id, request('a', { oneway: true })), await persist(id, request('b'))];
      const meter = new Meter();
      meter.qos = 0;
      rpc.listen(id, meter);
      await settled();
      expect(meter.methods).toEqual(['0 a', '1 b']);
      expect(await Promise.all(calls.map(state))).toEqual(['DELIVERED', 'DELIVERED']);
      rpc.stop();
    });

    it('more of them than are read at a time are delivered once each, in order', async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, settled } = await setUp(rooms);
      const id = await device('a');
      await Promise.all(Array.from({ length: 350 }, (_, n) => persist(id, request(`m${n}`, { oneway: true }))));
      const meter = new Meter();
      meter.qos = 0;
      rpc.listen(id, meter);
      await vi.waitFor(() => expect(meter.calls).toHaveLength(350));
      await settled();
      expect(meter.methods).toEqual(Array.from({ length: 350 }, (_, n) => `${n} m${n}`));
      rpc.stop();
    });

    it('those and others keep the order they were made in', async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, pass, settled } = await setUp(rooms);
      const id = await device('a');
      await persist(id, request('a'));
      await pass(1);
      void rpc.call(id, request('b'));
      await pass(1);
      await persist(id, request('c'));
      const meter = new Meter();
      rpc.listen(id, meter);
      await settled();
      expect(meter.methods).toEqual(['0 a', '1 b', '2 c']);
      await persist(id, request('d'));
      expect(meter.methods.at(-1)).toBe('3 d');
      rpc.stop();
    });

    it('is taken up by the next process, from id 0 on, when it was not acknowledged', async () => {
      await using rooms = await openRooms();
      const { rpc, make, device, persist, state, settled } = await setUp(rooms);
      const id = await device('a');
      const calls = [await persist(id, request('acknowledged')), await persist(id, request('sent'))];
      const before = new Meter();
      rpc.listen(id, before);
      await settled();
      before.ack(0);
      expect(await Promise.all(calls.map(state))).toEqual(['DELIVERED', 'SENT']);
      rpc.stop();
      const next = make();
      const after = new Meter();
      next.listen(id, after);
      await settled();
      expect(after.methods).toEqual(['0 sent']);
      next.stop();
    });

    it('without acknowledgement is TIMEOUT and, in BURST, waits for the next connection', async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, state, pass, settled } = await setUp(rooms);
      const id = await device('a');
      const call = await persist(id, request('m'));
      const meter = new Meter();
      const leave = rpc.listen(id, meter);
      await settled();
      await pass(1_000);
      expect(await state(call)).toBe('TIMEOUT');
      await pass(2_000);
      expect(meter.calls).toHaveLength(1);
      leave();
      const next = new Meter();
      rpc.listen(id, next);
      await settled();
      expect(next.calls).toHaveLength(1);
      rpc.stop();
    });

    it('in a sequential strategy is delivered again and FAILED after the last retry; the next one follows', async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, state, pass, settled } = await setUp(rooms, {
        strategy: 'SEQUENTIAL_ON_ACK_FROM_DEVICE',
      });
      const id = await device('a');
      const [call, next] = [await persist(id, request('m')), await persist(id, request('next'))];
      const meter = new Meter();
      rpc.listen(id, meter);
      await settled();
      for (let n = 0; n < 3; n++) await pass(1_000);
      expect(meter.methods).toEqual(['0 m', '0 m', '0 m', '1 next']);
      expect([await state(call), await state(next)]).toEqual(['FAILED', 'SENT']);
      expect((await rooms.storage.rpcs.get(call))?.response).toContain('Retry attempts set: 2');
      rpc.stop();
    });

    it("the caller's own number of retries holds when it is smaller", async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, state, pass, settled } = await setUp(rooms, {
        strategy: 'SEQUENTIAL_ON_ACK_FROM_DEVICE',
      });
      const id = await device('a');
      const call = await persist(id, request('m', { retries: 0 }));
      rpc.listen(id, new Meter());
      await settled();
      await pass(1_000);
      expect(await state(call)).toBe('FAILED');
      rpc.stop();
    });

    it('expires, also before the eyes of the device, and is purged after its time', async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, state, pass, settled } = await setUp(rooms);
      const id = await device('a');
      const call = await persist(id, request('m', { timeoutMs: 5_000 }));
      const late = await persist(id, request('late', { timeoutMs: 5_000 }));
      const meter = new Meter();
      rpc.listen(id, meter);
      await settled();
      meter.ack(0);
      meter.ack(1);
      await pass(5_000);
      await rpc.sweep();
      expect([await state(call), await state(late)]).toEqual(['EXPIRED', 'EXPIRED']);
      await rpc.answer(id, 0, Buffer.from('{}'));
      expect(await state(call)).toBe('EXPIRED');
      await pass(60_001);
      await rpc.sweep();
      expect(await state(call)).toBeUndefined();
      rpc.stop();
    });

    it('is not delivered any more when it was removed', async () => {
      await using rooms = await openRooms();
      const { rpc, device, persist, settled } = await setUp(rooms);
      const id = await device('a');
      const meter = new Meter();
      meter.refuse = true;
      rpc.listen(id, meter);
      await settled();
      const call = await persist(id, request('m'));
      expect(await rpc.remove(call)).toBe(true);
      expect(await rpc.remove(call)).toBe(false);
      meter.refuse = false;
      await persist(id, request('next'));
      expect(meter.methods).toEqual(['1 next']);
      rpc.stop();
    });
  });

  it('SEQUENTIAL_ON_ACK: the next call follows the acknowledgement of the one before', async () => {
    await using rooms = await openRooms();
    const { rpc, device, settled } = await setUp(rooms, { strategy: 'SEQUENTIAL_ON_ACK_FROM_DEVICE' });
    const id = await device('a');
    const meter = new Meter();
    rpc.listen(id, meter);
    await settled();
    for (const method of ['a', 'b', 'c']) void rpc.call(id, request(method));
    expect(meter.methods).toEqual(['0 a']);
    meter.ack(0);
    expect(meter.methods).toEqual(['0 a', '1 b']);
    rpc.stop();
  });

  it('SEQUENTIAL_ON_RESPONSE: the next call follows the response, or the end of the time', async () => {
    await using rooms = await openRooms();
    const { rpc, device, answer, pass, settled } = await setUp(rooms, {
      strategy: 'SEQUENTIAL_ON_RESPONSE_FROM_DEVICE',
    });
    const id = await device('a');
    const meter = new Meter();
    rpc.listen(id, meter);
    await settled();
    for (const method of ['a', 'b', 'c']) void rpc.call(id, request(method, { timeoutMs: 6_000 }));
    meter.ack(0);
    expect(meter.methods).toEqual(['0 a']);
    await answer(id, 0, '{}');
    expect(meter.methods).toEqual(['0 a', '1 b']);
    meter.ack(1);
    await pass(6_000);
    expect(meter.methods).toEqual(['0 a', '1 b']);
    rpc.stop();
  });

  it('a device that does not acknowledge is disconnected when the configuration says so', async () => {
    await using rooms = await openRooms();
    const { rpc, device, pass, settled } = await setUp(rooms, { closeOnDeliveryTimeout: true });
    const id = await device('a');
    const meter = new Meter();
    rpc.listen(id, meter);
    await settled();
    void rpc.call(id, request('m'));
    await pass(999);
    expect(meter.closed).toBe(false);
    await pass(1);
    expect(meter.closed).toBe(true);
    rpc.stop();
  });
});
