import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/model/device.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { createOtaAssignments } from '../../src/ota/assignments.ts';
import { createOtaPackages } from '../../src/ota/packages.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

interface Told {
  readonly device: DeviceId;
  readonly title: unknown;
}

/** The room on a real store; what devices hear is kept in `told`. */
function open({ storage, clock }: Rooms, told: Told[], slow: Promise<void> = Promise.resolve()) {
  const { ota: store, audit, registry, telemetry } = storage;
  const packages = createOtaPackages({ store, audit, clock, maxBytes: 1_000 });
  const assignments = createOtaAssignments({
    store,
    audit,
    registry,
    telemetry,
    clock,
    attributes: {
      async save(device, values) {
        await slow;
        told.push({ device, title: values.fw_title });
      },
      async remove(device, keys) {
        if (keys.length === 9) told.push({ device, title: undefined });
      },
    },
    onError(error) {
      throw error;
    },
  });
  const url = 'http://127.0.0.1/fw';
  return {
    assignments,
    firmware: async (title: string) =>
      (await packages.create({ kind: 'firmware', title, version: '1', url }, 'test')).id,
    async settled(profile: string) {
      await expect.poll(async () => (await storage.ota.profile(profile))?.pending ?? false).toBe(false);
    },
  };
}

async function device(rooms: Rooms, name: string, profile = 'meter'): Promise<Device> {
  const made = await rooms.registry.create({ name, profile, by: 'test' });
  if (made.kind !== 'created') throw new Error(made.kind);
  return made.device;
}

describe('assignments', () => {
  it('all devices of a profile are told once, others and those with their own are not', async () => {
    await using rooms = await openRooms();
    const told: Told[] = [];
    const { assignments, firmware, settled } = open(rooms, told);
    const devices = await Promise.all(Array.from({ length: 100 }, (_, at) => device(rooms, `d${at}`)));
    await device(rooms, 'other', 'other');
    const own = devices[7] as Device;
    await assignments.assignDevice(own, 'firmware', await firmware('own'), 'test');
    await assignments.assignProfile('meter', 'firmware', await firmware('profile'), 'test');
    await settled('meter');
    expect(
      told
        .filter(({ title }) => title === 'profile')
        .map((one) => one.device)
        .sort(),
    ).toEqual(
      devices
        .map(({ id }) => id)
        .filter((id) => id !== own.id)
        .sort(),
    );
    for (const one of devices) await assignments.catchUp(one);
    expect(told).toHaveLength(100);
    await assignments.close();
  });

  it('a device that loses its own package gets that of its profile', async () => {
    await using rooms = await openRooms();
    const told: Told[] = [];
    const { assignments, firmware, settled } = open(rooms, told);
    const one = await device(rooms, 'one');
    await assignments.assignDevice(one, 'firmware', await firmware('own'), 'test');
    await assignments.assignProfile('meter', 'firmware', await firmware('profile'), 'test');
    await settled('meter');
    await assignments.assignDevice(one, 'firmware', undefined, 'test');
    await assignments.assignProfile('meter', 'firmware', undefined, 'test');
    await settled('meter');
    expect(told.map(({ title }) => title)).toEqual(['own', 'profile', undefined]);
    expect(await rooms.storage.ota.device(one.id)).toEqual({ deviceId: one.id, assigned: {}, announced: {} });
  });

  it('a newer assignment during a roll-out is the one all devices end with', async () => {
    await using rooms = await openRooms();
    const told: Told[] = [];
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { assignments, firmware, settled } = open(rooms, told, slow);
    const devices = await Promise.all(Array.from({ length: 50 }, (_, at) => device(rooms, `d${at}`)));
    await assignments.assignProfile('meter', 'firmware', await firmware('first'), 'test');
    await assignments.assignProfile('meter', 'firmware', await firmware('second'), 'test');
    release();
    await settled('meter');
    for (const { id } of devices) expect(told.findLast((one) => one.device === id)?.title).toBe('second');
  });

  it('a roll-out that was cut short goes on after a start', async () => {
    await using rooms = await openRooms();
    const told: Told[] = [];
    const first = open(rooms, told);
    await Promise.all(Array.from({ length: 80 }, (_, at) => device(rooms, `d${at}`)));
    const id = await first.firmware('fw');
    const cut = first.assignments.assignProfile('meter', 'firmware', id, 'test');
    await first.assignments.close();
    await cut;
    expect((await rooms.storage.ota.profile('meter'))?.pending).toBe(true);
    const second = open(rooms, told);
    await second.assignments.resume();
    await second.settled('meter');
    expect(new Set(told.map((one) => one.device)).size).toBe(80);
    expect(told).toHaveLength(80);
  });
});
