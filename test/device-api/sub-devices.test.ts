import { describe, expect, it } from 'vitest';
import { GatewayLimits } from '../../src/device-api/gateway-limits.ts';
import type { RpcLink } from '../../src/device-api/rpc-queue.ts';
import { type DeviceLink, Sessions } from '../../src/device-api/sessions.ts';
import { SubDevices, type SubResult } from '../../src/device-api/sub-devices.ts';
import type { Uplink } from '../../src/device-api/uplink.ts';
import type { Device } from '../../src/model/device.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { createLog } from '../../src/observe/index.ts';
import { type DeviceProfile, NO_RULES } from '../../src/profiles/index.ts';
import { createProfileSet } from '../../src/profiles/profile-set.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const log = createLog({ level: 'silent' });
const NONE = { messages: '', telemetryMessages: '', telemetryDataPoints: '' };
const profile = (name: string): DeviceProfile => ({
  name,
  provision: { strategy: 'disabled', onExisting: 'reject', rules: NO_RULES },
  transport: 'default',
  topics: {},
  sendAckOnValidationException: false,
  typeCast: false,
  retention: {},
  limits: {},
});

async function setUp(rooms: Rooms, options: { max?: number; scope?: 'related' | 'any'; messages?: string } = {}) {
  const { registry, storage, clock } = rooms;
  const { max = 10, scope = 'related', messages = '' } = options;
  const sessions = new Sessions();
  const announced: string[] = [];
  const listening = new Map<DeviceId, RpcLink>();
  const profiles = createProfileSet(['gw', 'default', 'sensor'].map(profile));
  const limits = new GatewayLimits(clock, { subDevices: { ...NONE, messages }, own: NONE });
  const device = async (name: string, gateway = false): Promise<Device> => {
    const made = await registry.create({ name, profile: 'gw', gateway, by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    return made.device;
  };
  const connection = (gateway: Device, pushed: string[] = []) =>
    new SubDevices(
      gateway,
      {
        registry,
        assets: storage.assets,
        profiles: () => profiles,
        limits,
        rules: { max, scope },
        openSession(sub: Device, link: DeviceLink) {
          const session = { device: sub, link, since: clock.now() };
          sessions.open(session);
          return { seen: () => {}, close: () => sessions.closed(session) };
        },
        claim: undefined,
        uplink: () => ({}) as Uplink,
        listen: (id: DeviceId, link: RpcLink) => {
          listening.set(id, link);
          return () => listening.delete(id);
        },
        announce: ({ name }) => announced.push(name),
        clock,
        log,
      },
      {
        send: ({ name }, { text }) => pushed.push(`${name} ${text}`) > 0,
        call({ name }, { id, method }) {
          pushed.push(`${name} ${id} ${method}`);
          return 'delivered';
        },
      },
    );
  return { sessions, announced, listening, device, connection };
}

const ask = (subs: SubDevices, name: string, type = 'default'): Promise<SubResult> =>
  new Promise((resolve) => subs.with(name, type, resolve));
const kinds = async (subs: SubDevices, names: readonly string[]): Promise<string[]> =>
  (await Promise.all(names.map((name) => ask(subs, name)))).map(({ kind }) => kind);

describe('sub-devices of a gateway', () => {
  it('what is asked for one name happens in that order, also a disconnect between', async () => {
    await using rooms = await openRooms();
    const { sessions, device, connection } = await setUp(rooms);
    const subs = connection(await device('g', true));
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      subs.with('A', 'default', () => {
        order.push('first');
        subs.with('A', 'default', () => order.push('asked by the first'));
      });
      subs.with('A', 'default', () => order.push('second'));
      subs.disconnect('A', () => order.push(`gone, ${sessions.size} open`));
      subs.with('A', 'default', (result) => {
        order.push(`${result.kind} again`);
        setImmediate(resolve);
      });
    });
    expect(order).toEqual(['first', 'second', 'gone, 0 open', 'open again', 'asked by the first']);
    expect([subs.size, sessions.size]).toEqual([1, 1]);
  });

  it('a new device is announced once, whoever else asks for it meanwhile', async () => {
    await using rooms = await openRooms();
    const { announced, device, connection } = await setUp(rooms);
    const [one, two] = [connection(await device('g1', true)), connection(await device('g2', true))];
    const results = await Promise.all([ask(one, 'A'), ask(two, 'A'), ask(one, 'A')]);
    expect(results.map(({ kind }) => kind)).toEqual(['open', 'not-yours', 'open']);
    expect(announced).toEqual(['A']);
  });

  it('never more devices than allowed, also at once and over connections; deleted ones make room in time', async () => {
    await using rooms = await openRooms();
    const { device, connection } = await setUp(rooms, { max: 3 });
    const gateway = await device('g', true);
    const first = connection(gateway);
    expect((await kinds(first, ['A', 'B'])).sort()).toEqual(['open', 'open']);
    first.close();
    const second = connection(gateway);
    expect((await kinds(second, ['C', 'D', 'E'])).sort()).toEqual(['limit', 'limit', 'open']);
    const gone = await rooms.registry.deviceByName('A');
    if (gone) await rooms.registry.remove(gone.id, 'test');
    expect(await ask(second, 'F')).toEqual({ kind: 'limit' });
    rooms.clock.set(rooms.clock.now() + 10_000);
    expect((await ask(second, 'F')).kind).toBe('open');
    expect(await ask(second, 'G')).toEqual({ kind: 'limit' });
  });

  it('open sub-devices are counted too, whoever created them', async () => {
    await using rooms = await openRooms();
    const { device, connection } = await setUp(rooms, { max: 2, scope: 'any' });
    const subs = connection(await device('g', true));
    for (const name of ['x', 'y', 'z']) await device(name);
    expect(await kinds(subs, ['x', 'y', 'z'])).toEqual(['open', 'open', 'limit']);
    await new Promise<void>((resolve) => subs.disconnect('x', resolve));
    expect((await ask(subs, 'z')).kind).toBe('open');
  });

  it('scope related asks for a relation from the gateway, any does not; nobody speaks for the gateway itself', async () => {
    await using rooms = await openRooms();
    const { device, connection } = await setUp(rooms);
    const gateway = await device('g', true);
    const meter = await device('meter');
    const subs = connection(gateway);
    expect(await kinds(subs, ['meter', 'g'])).toEqual(['not-yours', 'not-yours']);
    const end = (id: string) => ({ entityType: 'DEVICE', id }) as const;
    await rooms.storage.assets.addRelation({ from: end(meter.id), type: 'Contains', to: end(gateway.id) });
    expect((await ask(subs, 'meter')).kind).toBe('not-yours');
    await rooms.storage.assets.addRelation({ from: end(gateway.id), type: 'Contains', to: end(meter.id) });
    expect((await ask(subs, 'meter')).kind).toBe('open');
    expect((await rooms.registry.device(meter.id))?.lastConnectedGateway).toBe(gateway.id);
    const open = await setUp(rooms, { scope: 'any' });
    expect(await kinds(open.connection(gateway), ['meter', 'g'])).toEqual(['open', 'not-yours']);
  });

  it('a connection that ends keeps no session, not even of a device that is being created', async () => {
    await using rooms = await openRooms();
    const { sessions, listening, device, connection } = await setUp(rooms);
    const subs = connection(await device('g', true));
    await ask(subs, 'A');
    const late = ask(subs, 'B');
    subs.close();
    expect((await late).kind).toBe('open');
    expect([subs.size, sessions.size, listening.size]).toEqual([0, 0, 0]);
  });

  it('a session that was taken over is opened again by the next message, and only the newest gets pushes', async () => {
    await using rooms = await openRooms();
    const { sessions, listening, device, connection } = await setUp(rooms);
    const pushed: string[] = [];
    const subs = connection(await device('g', true), pushed);
    const result = await ask(subs, 'A');
    if (result.kind !== 'open') throw new Error(result.kind);
    const closed: string[] = [];
    const link = { send: () => true, close: (reason: string) => closed.push(reason) };
    sessions.open({ device: result.sub.device, link, since: 0 });
    expect([subs.size, listening.size]).toEqual([0, 0]);
    await ask(subs, 'A');
    const call = { id: 3, method: 'm', params: '{}' };
    expect(listening.get(result.sub.device.id)?.send(call, () => {})).toBe('delivered');
    expect(closed).toEqual(['taken-over']);
    sessions.get(result.sub.device.id)?.link.send({ kind: 'shared-attributes', text: '{"c":1}' });
    expect(pushed).toEqual(['A 3 m', 'A {"c":1}']);
    sessions.end(result.sub.device.id, 'credentials-changed');
    expect(sessions.size).toBe(1);
    sessions.end(result.sub.device.id, 'device-deleted');
    expect([subs.size, sessions.size]).toEqual([0, 0]);
  });

  it('opening costs one message of the gateway, creating one more', async () => {
    await using rooms = await openRooms();
    const { device, connection } = await setUp(rooms, { messages: '3:3600' });
    const subs = connection(await device('g', true));
    expect((await ask(subs, 'A')).kind).toBe('open');
    expect((await ask(subs, 'A')).kind).toBe('open');
    expect(await ask(subs, 'B')).toEqual({ kind: 'rate-limited' });
    expect(await rooms.registry.deviceByName('B')).toBeUndefined();
  });

  it('a device whose profile is gone is refused: the others of its gateway go on', async () => {
    await using rooms = await openRooms();
    const { device, connection } = await setUp(rooms, { scope: 'any' });
    const subs = connection(await device('g', true));
    await rooms.registry.create({ name: 'old', profile: 'removed', by: 'test' });
    expect(await kinds(subs, ['old', 'new'])).toEqual(['refused', 'open']);
  });

  it('the profile is the type, else default, else the gateway has the last word', async () => {
    await using rooms = await openRooms();
    const { device, connection } = await setUp(rooms);
    const subs = connection(await device('g', true));
    await ask(subs, 'A', 'sensor');
    await ask(subs, 'B', 'no such');
    expect((await rooms.registry.deviceByName('A'))?.profile).toBe('sensor');
    expect((await rooms.registry.deviceByName('B'))?.profile).toBe('default');
  });
});
