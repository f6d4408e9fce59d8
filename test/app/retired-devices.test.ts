import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startDevices } from '../../src/app/devices.ts';
import { sweepRetiredDevices } from '../../src/app/retired-devices.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { createLog } from '../../src/observe/index.ts';
import type { ProfileSet } from '../../src/profiles/index.ts';
import { openRooms } from '../helpers/rooms.ts';

const DAY = 86_400_000;

async function open() {
  const rooms = await openRooms();
  const { storage, hash, clock } = rooms;
  const keep = new Map<string, number>([['kept-10-days', 10 * DAY]]);
  const byName = (name: string) => ({ retention: keep.has(name) ? { retiredMs: keep.get(name) } : {} });
  const profiles = () => ({ byName }) as unknown as ProfileSet;
  const devices = startDevices({ storage, profiles, hash, clock, inactivityTimeoutMs: 600_000 });
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } });
  const removed: DeviceId[] = [];
  const create = async (name: string, profile = 'kept-10-days'): Promise<DeviceId> => {
    const made = await devices.registry.create({ name, profile, by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    return made.device.id;
  };
  return {
    ...devices,
    rooms,
    keep,
    lines,
    removed,
    create,
    isThere: async (id: DeviceId) => (await devices.registry.device(id)) !== undefined,
    /** Sweeps until everything has been looked at. */
    async sweep() {
      const { retirements } = devices;
      let listed = 0;
      const watched = {
        ...retirements,
        list: (query: Parameters<typeof retirements.list>[0]) => {
          listed++;
          return retirements.list(query);
        },
      };
      const onRemoved = async (id: DeviceId) => removed.push(id);
      const parts = { ...devices, retirements: watched, profiles, onRemoved, clock, log, stepMs: 1 };
      const sweep = sweepRetiredDevices(parts);
      await expect.poll(() => listed).toBeGreaterThan(4);
      await sweep.stop();
    },
    [Symbol.asyncDispose]: () => rooms[Symbol.asyncDispose](),
  };
}

it('a retired device goes after its time, not before, and not when its profile keeps it for ever', async () => {
  await using world = await open();
  const { clock } = world.rooms;
  const [short, long] = [await world.create('short'), await world.create('long', 'kept for ever')];
  for (const id of [short, long]) await world.lifeCycle.retire(id, 'test');
  clock.set(clock.now() + 10 * DAY - 1);
  await world.sweep();
  expect([await world.isThere(short), world.removed]).toEqual([true, []]);
  clock.set(clock.now() + 1);
  await world.sweep();
  expect([await world.isThere(short), await world.isThere(long), world.removed]).toEqual([false, true, [short]]);
  expect(await world.lifeCycle.tombstones.find('short')).toMatchObject({ deviceId: short, why: 'retired' });
  expect(await world.retirements.list({ limit: 10 })).toMatchObject([{ id: long }]);
  // The profile has changed its mind.
  world.keep.set('kept for ever', DAY);
  await world.sweep();
  expect(await world.isThere(long)).toBe(false);
});

it('a device that was replaced, or retired once more, counts from its last retirement', async () => {
  await using world = await open();
  const { clock } = world.rooms;
  const id = await world.create('first');
  await world.lifeCycle.retire(id, 'test');
  clock.set(clock.now() + 9 * DAY);
  await world.lifeCycle.retire(id, 'test');
  await world.lifeCycle.replace(id, { name: 'second', by: 'test' });
  clock.set(clock.now() + 2 * DAY);
  await world.sweep();
  expect([await world.isThere(id), await world.retirements.find(id)]).toEqual([true, undefined]);
  await world.lifeCycle.retire(id, 'test');
  clock.set(clock.now() + 9 * DAY);
  await world.sweep();
  expect(await world.isThere(id)).toBe(true);
  clock.set(clock.now() + DAY);
  await world.sweep();
  expect(await world.isThere(id)).toBe(false);
});

it('a note that the retirement itself did not follow harms no device, and is dropped', async () => {
  await using world = await open();
  const { clock } = world.rooms;
  const id = await world.create('in use');
  await world.retirements.note(id);
  await world.retirements.note('00000000-0000-7000-8000-000000000000' as DeviceId);
  clock.set(clock.now() + 100 * DAY);
  await world.sweep();
  expect([await world.isThere(id), await world.retirements.list({ limit: 10 })]).toEqual([true, []]);
  expect(world.lines).toEqual([]);
});

it('a note that was written again is not dropped by who read the former one', async () => {
  await using world = await open();
  const id = await world.create('noted twice');
  await world.retirements.note(id);
  const former = await world.retirements.find(id);
  await world.retirements.note(id);
  if (former) await world.retirements.drop(former);
  expect(await world.retirements.find(id)).toMatchObject({ version: 2 });
});

it('certificates end with the retirement and with the replacement of their device, and go with it', async () => {
  await using world = await open();
  const read = (name: string): string =>
    readFileSync(new URL(`../fixtures/x509/${name}`, import.meta.url).pathname, 'utf8');
  const issuer = { certificate: new X509Certificate(read('ca-cert.pem')), key: createPrivateKey(read('ca-key.pem')) };
  const certified = async (name: string) => {
    const device = await world.create(name);
    const request = { device, csr: read('device-ec.csr'), commonName: name, days: 30, issuer, by: 'test' };
    const { pem } = await world.certificates.apply(request);
    const der = new X509Certificate(pem).raw.toString('base64');
    return { id: device, check: async () => (await world.certificates.check(device, der)).kind };
  };
  const [retired, replaced, deleted] = [await certified('a'), await certified('b'), await certified('c')];
  expect(await retired.check()).toBe('valid');
  await world.lifeCycle.retire(retired.id, 'test');
  await world.lifeCycle.replace(replaced.id, { name: 'b-2', by: 'test' });
  await world.registry.remove(deleted.id, 'test');
  expect([await retired.check(), await replaced.check(), await deleted.check()]).toEqual([
    'revoked',
    'revoked',
    'unknown',
  ]);
  expect(await world.certificates.list(deleted.id)).toEqual([]);
});
