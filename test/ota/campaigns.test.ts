import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../src/model/device.ts';
import type { DeviceId, OtaPackageId } from '../../src/model/ids.ts';
import { createOtaAssignments } from '../../src/ota/assignments.ts';
import { createOtaCampaigns, type NewCampaign, type OtaCampaigns } from '../../src/ota/campaigns.ts';
import { createOtaPackages } from '../../src/ota/packages.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const MINUTE = 60_000;
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 20_000, interval: 10 });

describe('campaigns', () => {
  let rooms: Rooms;
  let campaigns: OtaCampaigns;
  let told: string[];
  let offline: Set<DeviceId>;
  let leads: boolean;
  let target: OtaPackageId;

  const start = (): OtaCampaigns => {
    const { storage, clock } = rooms;
    const { ota: store, audit, registry, telemetry, attributes, documents } = storage;
    const onError = (error: unknown): never => {
      throw error;
    };
    const assignments = createOtaAssignments({
      store,
      audit,
      registry,
      telemetry,
      clock,
      attributes: {
        async save(id, values) {
          told.push(`${(await registry.device(id))?.name} ${values.fw_version}`);
        },
        remove: async () => {},
      },
      onError,
    });
    const isOnline = async (id: DeviceId): Promise<boolean> => !offline.has(id);
    const parts = { documents, store, assignments, registry, telemetry, attributes, audit, isOnline, clock, onError };
    return createOtaCampaigns({ ...parts, leads: () => leads, stepMs: 5 });
  };
  const device = async (name: string, version?: string, profile = 'meter'): Promise<Device> => {
    const made = await rooms.registry.create({ name, profile, by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    const values = { current_fw_version: version ?? null };
    if (version) await rooms.storage.telemetry.save({ entityId: made.device.id, ts: 1, values });
    return made.device;
  };
  const firmware = async (version: string, profile?: string): Promise<OtaPackageId> => {
    const { ota: store, audit } = rooms.storage;
    const packages = createOtaPackages({ store, audit, clock: rooms.clock, maxBytes: 1_000 });
    const more = profile === undefined ? {} : { profile };
    const url = 'http://127.0.0.1/fw';
    return (await packages.create({ kind: 'firmware', title: 'fw', version, url, ...more }, 'test')).id;
  };
  const create = (more: Partial<NewCampaign> = {}) =>
    campaigns.create({ name: 'c', package: target, profile: 'meter', timeoutMs: MINUTE, retries: 0, ...more }, 'test');
  const states = async (id: string): Promise<Record<string, string>> => {
    const { targets } = await campaigns.targets(id);
    return Object.fromEntries(
      targets.map(({ name, state, reason }) => [name, reason === undefined ? state : `${state} ${reason}`]),
    );
  };
  const stateOf = async (id: string) => (await campaigns.campaign(id))?.state;
  const packageOf = async ({ id }: Device) => (await rooms.storage.ota.device(id)).assigned.firmware;

  beforeEach(async () => {
    rooms = await openRooms();
    told = [];
    offline = new Set();
    leads = true;
    target = await firmware('1.1');
    campaigns = start();
  });
  afterEach(async () => {
    await campaigns.close();
    await rooms[Symbol.asyncDispose]();
  });

  it('tells, once, whom an instance had noted as told when it ended', async () => {
    await device('meter-1', '1.0');
    leads = false;
    const { id } = await create();
    const [noted] = (await campaigns.targets(id)).targets;
    if (!noted) throw new Error('no target');
    const late = { ...noted, state: 'sent', attempts: 1, telling: true, deadline: rooms.clock.now() - 1 };
    const key = `${id}/${noted.device}`;
    const { documents } = rooms.storage;
    await documents.write([{ kind: 'ota-target', key, text: JSON.stringify(late), expected: 1 }], rooms.clock.now());
    leads = true;
    await soon(() => told).toEqual(['meter-1 1.1']);
    await soon(async () => (await campaigns.targets(id)).targets[0]?.telling).toBeUndefined();
    expect(await states(id)).toEqual({ 'meter-1': 'sent' });
    await campaigns.close();
    campaigns = start();
    rooms.clock.set(rooms.clock.now() + MINUTE);
    await soon(() => states(id)).toEqual({ 'meter-1': 'failed TIMEOUT' });
    expect(told).toEqual(['meter-1 1.1']);
  });

  it('means devices that report another version, by list, profile, version and percent', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, (_, at) => device(`old-${at}`, at < 6 ? '1.0' : '0.9')));
    await device('silent');
    await device('current', '1.1');
    const other = await device('other', '1.0', 'pump');
    leads = false;
    const percent = await create({ versions: ['1.0'], percent: 50 });
    expect(percent).toMatchObject({ targets: 3, skipped: { noVersion: 1, hasIt: 1, otherVersion: 4 } });
    const listed = await create({ devices: [...all.map(({ id }) => id), other.id] });
    expect(listed).toMatchObject({ targets: 7, skipped: { inCampaign: 3, otherProfile: 1 } });
    expect(Object.values(await states(listed.id))).toEqual(Array(7).fill('waiting'));
    expect(told).toEqual([]);
    leads = true;
    await soon(async () => told.length).toBe(10);
  });

  it('only the new version proves success, however far a device says to be', async () => {
    const [good, stays, breaks] = [
      await device('good', '1.0'),
      await device('stays', '1.0'),
      await device('breaks', '1.0'),
    ];
    const { id } = await create();
    await soon(() => told.length).toBe(3);
    for (const one of [good, stays]) campaigns.reported(one, { fw_state: 'DOWNLOADING', fw_progress: 20 });
    await soon(async () => (await states(id)).good).toBe('installing');
    for (const one of [good, stays]) campaigns.reported(one, { fw_state: 'DOWNLOADED', fw_progress: 100 });
    campaigns.reported(breaks, { fw_state: 'FAILED', fw_error: 'VERIFY_FAILED: hash' });
    const progress = async () => (await campaigns.targets(id)).targets.filter((one) => one.progress === 100).length;
    await soon(progress).toBe(2);
    // A step on the way says the old version, too.
    campaigns.reported(stays, { current_fw_version: '1.0', fw_state: 'UPDATING' });
    campaigns.reported(good, { current_fw_title: 'fw', current_fw_version: '1.1', fw_state: 'UPDATED' });
    campaigns.reported(stays, { current_fw_version: '1.0' });
    await soon(() => stateOf(id)).toBe('done');
    expect(await states(id)).toEqual({
      good: 'succeeded',
      stays: 'failed VERSION_UNCHANGED',
      breaks: 'failed VERIFY_FAILED',
    });
    expect(await Promise.all([good, stays, breaks].map(packageOf))).toEqual([target, undefined, undefined]);
    campaigns.reported(stays, { current_fw_version: '1.1' });
    expect((await states(id)).stays).toBe('failed VERSION_UNCHANGED');
  });

  it('the verification set goes first; the others follow when all of it has succeeded', async () => {
    const [first, second] = [await device('first', '1.0'), await device('second', '1.0')];
    const { id } = await create({ verifyDevices: [first.id] });
    await soon(() => told).toEqual(['first 1.1']);
    expect(await stateOf(id)).toBe('verifying');
    campaigns.reported(first, { current_fw_version: '1.1' });
    await soon(() => told).toEqual(['first 1.1', 'second 1.1']);
    campaigns.reported(second, { current_fw_version: '1.1' });
    await soon(() => stateOf(id)).toBe('done');
  });

  it('a failure in the verification set ends the campaign, and the others are never told', async () => {
    await Promise.all([device('a', '1.0'), device('b', '1.0'), device('c', '1.0')]);
    const { id } = await create({ verifyCount: 1 });
    await soon(() => told.length).toBe(1);
    const { targets } = await campaigns.targets(id);
    const verified = targets.find(({ verify }) => verify);
    campaigns.reported({ id: verified?.device as DeviceId }, { fw_state: 'FAILED', fw_error: 'WRITE_FAILED' });
    await soon(() => stateOf(id)).toBe('failed');
    expect(Object.values(await states(id)).sort()).toEqual(['cancelled', 'cancelled', 'failed WRITE_FAILED']);
    expect(told).toHaveLength(1);
  });

  it('who is silent for too long is told again, and fails after the last try', async () => {
    const one = await device('one', '1.0');
    const { id } = await create({ retries: 1 });
    await soon(() => told.length).toBe(1);
    rooms.clock.set(rooms.clock.now() + MINUTE);
    await soon(() => told.length).toBe(2);
    await soon(async () => (await states(id)).one).toBe('sent TIMEOUT');
    rooms.clock.set(rooms.clock.now() + MINUTE);
    await soon(() => stateOf(id)).toBe('done');
    expect(await states(id)).toEqual({ one: 'failed TIMEOUT' });
    expect(await packageOf(one)).toBeUndefined();
  });

  it('a device that is away has its time from when it comes, and gets back what it had when it fails', async () => {
    const away = await device('away', '1.0');
    const before = await firmware('1.0');
    await rooms.storage.ota.assignDevice(away.id, 'firmware', before);
    offline.add(away.id);
    const { id } = await create();
    await soon(async () => (await states(id)).away).toBe('queued');
    rooms.clock.set(rooms.clock.now() + 10 * MINUTE);
    await campaigns.close();
    campaigns = start();
    offline.clear();
    await soon(async () => (await states(id)).away).toBe('sent');
    campaigns.deviceIsHere(away);
    rooms.clock.set(rooms.clock.now() + MINUTE);
    await soon(() => stateOf(id)).toBe('done');
    expect(await packageOf(away)).toBe(before);
  });

  it('so many failures, or an order, end a campaign and take the package away', async () => {
    const devices = await Promise.all(Array.from({ length: 4 }, (_, at) => device(`d${at}`, '1.0')));
    const failing = await create({ maxFailures: 1 });
    await soon(() => told.length).toBe(4);
    campaigns.reported(devices[0] as Device, { fw_state: 'FAILED' });
    await soon(() => stateOf(failing.id)).toBe('failed');
    expect(await states(failing.id)).toMatchObject({ d0: 'failed FAILED', d1: 'cancelled', d2: 'cancelled' });
    expect(await Promise.all(devices.map(packageOf))).toEqual(Array(4).fill(undefined));

    const stopped = await create();
    await expect(campaigns.remove(stopped.id, 'test')).rejects.toThrow('stop it first');
    await campaigns.stop(stopped.id, 'test');
    await soon(() => stateOf(stopped.id)).toBe('stopped');
    await campaigns.remove(stopped.id, 'test');
    expect((await campaigns.list()).map(({ id }) => id)).toEqual([failing.id]);
    expect(await campaigns.targets(stopped.id)).toEqual({ targets: [] });
  });

  it('a package that is gone and a device that is gone fail by name', async () => {
    const gone = await device('gone', '1.0');
    await device('stays', '1.0');
    leads = false;
    const { id } = await create();
    await rooms.storage.ota.remove(target);
    await rooms.storage.registry.deleteDevice(gone.id, rooms.clock.now(), 'test');
    leads = true;
    await soon(() => stateOf(id)).toBe('done');
    expect(await states(id)).toEqual({ gone: 'failed DEVICE_GONE', stays: 'failed NOT_ASSIGNABLE' });
  });

  it.each<[string, Partial<NewCampaign>, string]>([
    ['no name', { name: '' }, 'must have 1 to 255'],
    ['nobody', { profile: undefined } as unknown as Partial<NewCampaign>, 'which devices are meant'],
    ['an unknown package', { package: '00000000-0000-0000-0000-000000000000' as OtaPackageId }, 'no such package'],
    ['a stranger to verify', { verifyDevices: ['x' as DeviceId] }, 'not among the devices'],
  ])('is refused with %s', async (_, more, problem) => {
    await expect(create(more)).rejects.toThrow(problem);
  });
});
