import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connectivity, createConnectivity } from '../../src/device-api/connectivity.ts';
import type { NewMessage } from '../../src/device-api/new-message.ts';
import type { Device } from '../../src/model/device.ts';
import { createLog } from '../../src/observe/index.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const TIMEOUT_MS = 600_000;
const ALONE = { shared: false, leads: true, check: () => Promise.resolve(false) };

describe('connectivity', () => {
  let rooms: Rooms;
  let connectivity: Connectivity;
  let told: NewMessage[];
  const start = (): Connectivity =>
    createConnectivity(
      { inactivityTimeoutMs: TIMEOUT_MS, checkIntervalMs: 5, reportIntervalMs: 5 },
      {
        store: rooms.storage.connectivity,
        attributes: rooms.storage.attributes,
        devices: rooms.storage.registry,
        runner: { run: (message) => told.push(message) },
        elsewhere: ALONE,
        clock: rooms.clock,
        log: createLog({ level: 'silent' }),
      },
    );

  beforeEach(async () => {
    rooms = await openRooms();
    told = [];
    connectivity = start();
  });
  afterEach(async () => {
    await connectivity.stop();
    await rooms[Symbol.asyncDispose]();
  });

  const device = async (name: string): Promise<Device> => {
    const made = await rooms.registry.create({ name, profile: 'meter', label: `label of ${name}`, by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    return made.device;
  };
  const types = (): string[] => told.map(({ type }) => type);
  const until = (...expected: string[]) => expect.poll(types).toEqual(expected);
  const stored = async ({ id }: Device): Promise<Record<string, unknown>> => {
    const found = await rooms.storage.attributes.read(id, 'SERVER_SCOPE');
    return Object.fromEntries([...found].map(([key, { value }]) => [key, value]));
  };
  const later = (ms: number): void => rooms.clock.set(rooms.clock.now() + ms);
  const storedIs = (one: Device, part: object) => expect.poll(() => stored(one)).toMatchObject(part);
  const connect = (one: Device) => {
    const presence = connectivity.presence(one);
    presence.opened();
    return presence;
  };

  it('a new device is inactive, and says nothing', async () => {
    expect(await stored(await device('a'))).toEqual({ active: false });
    expect(types()).toEqual([]);
  });

  it('a connect raises CONNECT_EVENT, then the first activity ACTIVITY_EVENT, with the bodies and metadata of ThingsBoard', async () => {
    const a = await device('a');
    const now = rooms.clock.now();
    connect(a);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT');
    const times = {
      lastConnectTime: now,
      lastDisconnectTime: 0,
      lastInactivityAlarmTime: 0,
      inactivityTimeout: TIMEOUT_MS,
    };
    expect(told[0]?.data).toEqual({ ...times, lastActivityTime: 0 });
    expect(told[1]?.data).toEqual({ ...times, active: true, lastActivityTime: now });
    expect(told[1]?.metadata).toEqual({
      deviceName: 'a',
      deviceLabel: 'label of a',
      deviceType: 'meter',
      scope: 'SERVER_SCOPE',
    });
    await storedIs(a, { active: true, lastConnectTime: now, lastActivityTime: now });
  });

  it('activity of an active device is no event; its time is stored later, in batches', async () => {
    const a = await device('a');
    const presence = connect(a);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT');
    later(1_000);
    const after = async (): Promise<unknown> => {
      for (let i = 0; i < 1_000; i++) presence.seen();
      return (await stored(a)).lastActivityTime;
    };
    await expect.poll(after).toBe(rooms.clock.now());
    expect(types()).toHaveLength(2);
  });

  it('a disconnect is told at once and leaves the device active; silence is told once, after the timeout', async () => {
    const a = await device('a');
    const presence = connect(a);
    later(10);
    presence.closed();
    presence.closed();
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'DISCONNECT_EVENT');
    await storedIs(a, { active: true, lastDisconnectTime: rooms.clock.now() });
    await expect.poll(() => connectivity.size).toBe(0);
    later(TIMEOUT_MS - 11);
    await rooms.storage.drain();
    expect(types()).toHaveLength(3);
    later(1);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'DISCONNECT_EVENT', 'INACTIVITY_EVENT');
    await storedIs(a, { active: false, inactivityAlarmTime: rooms.clock.now() });
    later(10 * TIMEOUT_MS);
    await expect.poll(() => rooms.storage.connectivity.due(rooms.clock.now(), 9)).toEqual([]);
    expect(types()).toHaveLength(4);
  });

  it('a connected device that says nothing becomes inactive, and active again with the next word', async () => {
    const presence = connect(await device('a'));
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT');
    later(TIMEOUT_MS);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT');
    presence.seen();
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT', 'ACTIVITY_EVENT');
  });

  it('a device that never came is told of once, when it is one timeout old', async () => {
    const a = await device('a');
    later(TIMEOUT_MS - 1);
    await rooms.storage.drain();
    expect(types()).toEqual([]);
    later(1);
    await until('INACTIVITY_EVENT');
    await storedIs(a, { active: false, inactivityAlarmTime: rooms.clock.now() });
  });

  it('a take-over raises CONNECT_EVENT again and no DISCONNECT_EVENT, in whichever order the old one closes', async () => {
    const a = await device('a');
    const first = connect(a);
    const second = connectivity.presence(a);
    first.closed();
    second.opened();
    const third = connect(a);
    second.closed();
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'CONNECT_EVENT', 'CONNECT_EVENT');
    third.closed();
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'CONNECT_EVENT', 'CONNECT_EVENT', 'DISCONNECT_EVENT');
  });

  it('a take-over that dies before it opens leaves the end of the first one to be told', async () => {
    const a = await device('a');
    const first = connect(a);
    connectivity.presence(a).closed();
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT');
    first.closed();
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'DISCONNECT_EVENT');

    const second = connect(a);
    const dying = connectivity.presence(a);
    second.closed();
    dying.closed();
    await expect.poll(types).toHaveLength(5);
    expect(types().slice(3)).toEqual(['CONNECT_EVENT', 'DISCONNECT_EVENT']);
  });

  it('a login that never opens a session is no connect', async () => {
    connectivity.presence(await device('a')).closed();
    await expect.poll(() => connectivity.size).toBe(0);
    expect(types()).toEqual([]);
  });

  it('after a crash the devices that were connected are found, and told of once', async () => {
    const [a, b] = [await device('a'), await device('b')];
    connect(a);
    connect(b);
    await storedIs(a, { active: true });
    await storedIs(b, { active: true });
    told.length = 0;
    const survivor = start(); // the former instance of the state is as good as gone: it never hears of anything again
    later(TIMEOUT_MS);
    survivor.presence(b).opened();
    await expect.poll(() => types().filter((type) => type === 'INACTIVITY_EVENT').length).toBeGreaterThan(0);
    await storedIs(a, { active: false });
    await survivor.stop();
  });

  it('activity over HTTP makes active without a connection, and is forgotten in memory once stored', async () => {
    const a = await device('a');
    connectivity.seen(a);
    await until('ACTIVITY_EVENT');
    await expect.poll(() => connectivity.size).toBe(0);
    later(5_000);
    connectivity.seen(a);
    await storedIs(a, { lastActivityTime: rooms.clock.now() });
    await expect.poll(() => connectivity.size).toBe(0);
    expect(types()).toHaveLength(1);
  });

  it('a change of inactivityTimeout is taken up at once, in both directions', async () => {
    const a = await device('a');
    connect(a);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT');
    later(10_000);
    const set = async (timeout: number) => {
      const values = { inactivityTimeout: timeout };
      const ts = rooms.clock.now();
      await rooms.storage.attributes.save({ entityId: a.id, scope: 'SERVER_SCOPE', values, ts, onlyOnChange: false });
      await connectivity.timeoutChanged(a.id);
    };
    await set(5_000);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT');
    expect(told[2]?.data).toMatchObject({ active: false, inactivityTimeout: 5_000 });
    await set(4_000);
    expect(types()).toHaveLength(3); // it is told of once, however often it is looked at
    await set(60_000);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT', 'ACTIVITY_EVENT');
    later(50_000);
    await expect.poll(types).toHaveLength(5);
    expect(types()[4]).toBe('INACTIVITY_EVENT');
  });

  it('what a rule chain tells of a device is noted as if it had been seen', async () => {
    const a = await device('a');
    await connectivity.tell(a.id, 'CONNECT_EVENT');
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT');
    const at = rooms.clock.now();
    await storedIs(a, { active: true, lastConnectTime: at, lastActivityTime: at });
    later(1_000);
    await connectivity.tell(a.id, 'INACTIVITY_EVENT');
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT');
    await storedIs(a, { active: false, inactivityAlarmTime: at + 1_000 });
    later(1_000);
    await connectivity.tell(a.id, 'ACTIVITY_EVENT');
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT', 'ACTIVITY_EVENT');
    await connectivity.tell(a.id, 'DISCONNECT_EVENT');
    await storedIs(a, { active: true, lastDisconnectTime: at + 2_000 });
    await connectivity.tell('0193b5f2-0000-7000-8000-000000000000' as Device['id'], 'CONNECT_EVENT');
    expect(types().at(-1)).toBe('DISCONNECT_EVENT');
  });

  it('a deleted device is told nothing of, and leaves nothing', async () => {
    const a = await device('a');
    const presence = connect(a);
    await until('CONNECT_EVENT', 'ACTIVITY_EVENT');
    await rooms.registry.remove(a.id, 'test');
    connectivity.forget(a.id);
    presence.seen();
    presence.closed();
    later(10 * TIMEOUT_MS);
    await expect.poll(() => rooms.storage.connectivity.due(rooms.clock.now(), 9)).toEqual([]);
    expect([types().length, connectivity.size]).toEqual([2, 0]);
  });

  it('a write that fails is made good by the next report', async () => {
    const a = await device('a');
    const broken = createConnectivity(
      { inactivityTimeoutMs: TIMEOUT_MS, checkIntervalMs: 1_000, reportIntervalMs: 5 },
      {
        store: {
          due: (now, limit) => rooms.storage.connectivity.due(now, limit),
          save: (writes) =>
            failures-- > 0 ? Promise.reject(new Error('full')) : rooms.storage.connectivity.save(writes),
        },
        attributes: rooms.storage.attributes,
        devices: rooms.storage.registry,
        elsewhere: ALONE,
        runner: { run: () => {} },
        clock: rooms.clock,
        log: createLog({ level: 'silent' }),
      },
    );
    let failures = 3;
    broken.presence(a).opened();
    await storedIs(a, { active: true, lastConnectTime: rooms.clock.now(), lastActivityTime: rooms.clock.now() });
    await broken.stop();
  });

  it.each(['a broker that runs', 'the next start'])(
    'times of a clock that was ahead do not stand: %s',
    async (which) => {
      const now = rooms.clock.now();
      const [talks, leaves] = [await device('talks'), await device('leaves')];
      later(365 * 86_400_000);
      const one = connect(talks);
      const other = connect(leaves);
      for (const device of [talks, leaves]) await storedIs(device, { active: true });
      rooms.clock.set(now);
      if (which === 'the next start') {
        await connectivity.stop();
        connectivity = start();
        for (const device of [talks, leaves]) connect(device).seen();
      } else one.seen();
      other.closed();
      for (const device of [talks, leaves]) await storedIs(device, { lastActivityTime: now });
      told = [];
      later(TIMEOUT_MS);
      await until('INACTIVITY_EVENT', 'INACTIVITY_EVENT');
      for (const device of [talks, leaves]) await storedIs(device, { active: false, lastActivityTime: now });
    },
  );

  it('two thousand devices that fall silent together are each told of once', async () => {
    const all = await Promise.all(Array.from({ length: 2_000 }, (_, at) => device(`d${at}`)));
    for (const one of all) connectivity.seen(one);
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2_000);
    told.length = 0;
    await expect.poll(() => connectivity.size, { timeout: 10_000 }).toBe(0);
    later(TIMEOUT_MS);
    await expect.poll(() => new Set(told.map((message) => message.device.id)).size, { timeout: 10_000 }).toBe(2_000);
    expect(told).toHaveLength(2_000);
    expect(new Set(types())).toEqual(new Set(['INACTIVITY_EVENT']));
  }, 30_000);
});
