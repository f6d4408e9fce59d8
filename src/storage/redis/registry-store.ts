import type { Device } from '../../model/device.ts';
import type { DeviceId } from '../../model/ids.ts';
import type { CreateDeviceResult, DeviceChange, NewDevice, RegistryStore } from '../registry-store.ts';
import { endAttachment, forgetSupplyPoints } from './attachments.ts';
import { claimPreProvisioned } from './claim.ts';
import type { Commits, Draft } from './commit.ts';
import { ALL_DEVICES, devicesOf, readCount } from './counts.ts';
import {
  credentialsByIndex,
  credentialsOf,
  dropCredentials,
  endCredentials,
  replaceCredentials,
  writeCredentials,
} from './credentials.ts';
import { forgetCustomer } from './customer-store.ts';
import { deviceMember, listDevices } from './device-list.ts';
import { changeState, replaceDevice } from './device-steps.ts';
import { type Entities, toText } from './entities.ts';
import { closed, entityText, isId, KEYS, newId } from './keys.ts';
import { idByName, recordOf } from './names.ts';
import type { Purge } from './purge.ts';
import type { Queue } from './queue.ts';
import { appendAudit } from './record-stores.ts';
import { dropRelationsOf, thinRelationsOf, writeRelation } from './relations.ts';

export interface RegistryParts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly entities: Entities;
  readonly purge: Purge;
  readonly maxAuditEntries: number;
}

export function createRegistryStore(parts: RegistryParts): RegistryStore {
  const { queue, commits, entities, purge } = parts;
  const deviceAt = async (id: string | undefined): Promise<Device | undefined> =>
    id === undefined ? undefined : recordOf<Device>(queue, KEYS.devices, id);
  const remove = async (what: Removal): Promise<boolean> => {
    const { id, onlyRetired } = what;
    if (!isId(id)) return false;
    const entity = { entityType: 'DEVICE', id } as const;
    return queue.write(512, () =>
      entities.alone(id, async () => {
        const device = await deviceAt(id);
        if (device === undefined || (onlyRetired && device.state !== 'retired')) return false;
        await thinRelationsOf(commits, entity);
        const deleted = await commits.step(id, (draft) => deleteDevice(parts, draft, what));
        if (deleted) await purge.run(entity);
        return deleted;
      }),
    );
  };
  return {
    createDevice: (entry) =>
      queue.write(1024, () => entities.alone(newId(entry.device.id), () => createDevice(parts, entry))),
    device: (id) => deviceAt(id),
    deviceByName: async (name) => deviceAt(await idByName(queue, KEYS.deviceNames, closed(name))),
    devices: (query) => listDevices(queue, query),
    deviceCount: (profile) => readCount(queue, KEYS.counts, profile === undefined ? ALL_DEVICES : devicesOf(profile)),
    credentials: (index, decoy) => credentialsByIndex(queue, index, decoy),
    credentialsOf: async (id) => (await credentialsOf(queue, id)).present,
    formerCredentialsOf: async (id) => (await credentialsOf(queue, id)).former,
    replaceCredentials: (next, keepFormerUntil) =>
      commits.run(next.deviceId, (draft) => replaceCredentials(draft, next, keepFormerUntil)),
    endCredentials: (id, which, now) => commits.run(id, (draft) => endCredentials(draft, id, which, now)),
    updateDevice: (id, change) => commits.run(id, (draft) => updateDevice(draft, id, change)),
    changeState: (id, step) => commits.run(id, (draft) => changeState(parts, draft, id, step)),
    replaceDevice: (id, replacement) => commits.run(id, (draft) => replaceDevice(parts, draft, id, replacement)),
    setLastGateway: (id, gateway) => commits.run(id, (draft) => setLastGateway(draft, id, gateway)),
    claimPreProvisioned: (name, profile, now) =>
      queue.write(512, () => claimPreProvisioned(parts, { name, profile, now })),
    deleteDevice: (id, now, by) => remove({ id, now, by }),
    deleteRetiredDevice: (id, now, by) => remove({ id, now, by, onlyRetired: true }),
  };
}

async function createDevice(parts: RegistryParts, entry: NewDevice): Promise<CreateDeviceResult> {
  const { device, serverAttributes } = entry;
  const first =
    Object.keys(serverAttributes).length === 0 ? undefined : { ts: device.createdAt, values: serverAttributes };
  const result = await parts.commits.step(device.id, async (draft, again) => {
    // Most names are free: only when the step fails it is worth to ask what stands in the way.
    const obstacle = again ? await obstacleTo(parts, draft, entry) : undefined;
    if (obstacle !== undefined) return obstacle;
    await writeDevice(draft, entry);
    if (first !== undefined) {
      draft.write('zadd', KEYS.unsettled, Date.now(), device.id);
      draft.write('hset', KEYS.unsettledAttributes, device.id, toText(first));
    }
    if (entry.audit !== undefined) appendAudit(draft, entry.audit, parts.maxAuditEntries);
    return { kind: 'created' } as const;
  });
  if (result.kind === 'created') await parts.entities.settle(device.id, first);
  return result;
}

/** The checks of a creation, in the order of the port. A note of a former entity of the id is worked off. */
async function obstacleTo(
  { purge }: RegistryParts,
  draft: Draft,
  { device, credentials, profileQuota }: NewDevice,
): Promise<CreateDeviceResult | undefined> {
  const prefix = closed(device.name);
  const [[holder], taken, exists, count, noted] = await Promise.all([
    draft.members(KEYS.deviceNames, prefix, 1),
    draft.field(KEYS.credentialsByIndex, credentials.index),
    draft.has(KEYS.devices, device.id),
    profileQuota === undefined ? undefined : draft.field(KEYS.counts, devicesOf(device.profile)),
    purge.isNoted(draft, { entityType: 'DEVICE', id: device.id }),
  ]);
  if (holder !== undefined) {
    return { kind: 'name-taken', deviceId: holder.slice(prefix.length, prefix.length + device.id.length) as DeviceId };
  }
  if (taken !== undefined) return { kind: 'credentials-taken' };
  if (profileQuota !== undefined && Number(count ?? 0) >= profileQuota) return { kind: 'quota-reached' };
  if (exists) return { kind: 'name-taken', deviceId: device.id };
  if (noted) await purge.finish({ entityType: 'DEVICE', id: device.id });
  return undefined;
}

async function writeDevice(draft: Draft, entry: NewDevice): Promise<void> {
  const { device, credentials, profileQuota, createdBy, customer: owner, stateDue } = entry;
  const { id } = device;
  draft.expectNone(KEYS.deviceNames, closed(device.name));
  draft.expectField(KEYS.credentialsByIndex, credentials.index, undefined);
  draft.expectField(KEYS.devices, id, undefined);
  draft.expectUnlisted(KEYS.purges, entityText({ entityType: 'DEVICE', id }));
  if (profileQuota !== undefined) draft.expectBelow(KEYS.counts, devicesOf(device.profile), profileQuota);
  draft.write('hset', KEYS.devices, id, JSON.stringify(device));
  indexDevice(draft, device);
  writeCredentials(draft, id, credentials);
  if (stateDue !== undefined) draft.write('zadd', KEYS.stateDue, stateDue, id);
  if (owner !== undefined) draft.write('hset', KEYS.customerOf, id, owner);
  if (createdBy === undefined) return;
  const end = (one: DeviceId) => ({ entityType: 'DEVICE', id: one }) as const;
  const [gateway, customer] = await Promise.all([
    draft.has(KEYS.devices, createdBy),
    draft.field(KEYS.customerOf, createdBy),
  ]);
  if (gateway) writeRelation(draft, { from: end(createdBy), type: 'Created', to: end(id) });
  if (customer !== undefined) draft.write('hset', KEYS.customerOf, id, customer);
}

/** Name and counts of a device that is new. */
export function indexDevice(draft: Draft, device: Device): void {
  draft.write('zadd', KEYS.deviceNames, 0, deviceMember(device));
  draft.write('hincrby', KEYS.counts, ALL_DEVICES, 1);
  draft.write('hincrby', KEYS.counts, devicesOf(device.profile), 1);
}

async function updateDevice(
  draft: Draft,
  id: DeviceId,
  { label, info, ...flags }: DeviceChange,
): Promise<Device | undefined> {
  const former = await draft.record<Device>(KEYS.devices, id);
  if (former === undefined) return undefined;
  const { label: formerLabel, info: formerInfo, ...rest } = former;
  const nextLabel = label === undefined ? formerLabel : (label ?? undefined);
  const nextInfo = info === undefined ? formerInfo : (info ?? undefined);
  const device: Device = {
    ...rest,
    ...(nextLabel === undefined ? {} : { label: nextLabel }),
    ...(nextInfo === undefined ? {} : { info: nextInfo }),
    ...flags,
  };
  draft.write('hset', KEYS.devices, id, JSON.stringify(device));
  return device;
}

async function setLastGateway(draft: Draft, id: DeviceId, gateway: DeviceId): Promise<boolean> {
  const device = await draft.record<Device>(KEYS.devices, id);
  if (device === undefined) return false;
  draft.write('hset', KEYS.devices, id, JSON.stringify({ ...device, lastConnectedGateway: gateway }));
  return true;
}

/** Within a step: all that the registry's slot holds of the device, and a note for the rest. */
interface Removal {
  readonly id: DeviceId;
  readonly now: number;
  readonly by: string;
  readonly onlyRetired?: true;
}

async function deleteDevice(
  { queue, purge }: RegistryParts,
  draft: Draft,
  { id, now, by, onlyRetired }: Removal,
): Promise<boolean> {
  const device = await draft.record<Device>(KEYS.devices, id);
  if (device === undefined || (onlyRetired && device.state !== 'retired')) return false;
  const entity = { entityType: 'DEVICE', id } as const;
  const former = await forgetSupplyPoints(draft, queue, id);
  const ended = await endAttachment(draft, { id, event: 'ended', now, by, forget: true });
  if (former || ended !== undefined) draft.write('zadd', KEYS.formerHistories, 0, id);
  await dropRelationsOf(draft, entity);
  await dropCredentials(draft, id);
  forgetCustomer(draft, id);
  draft.write('zrem', KEYS.stateDue, id);
  draft.write('hdel', KEYS.devices, id);
  draft.write('zrem', KEYS.deviceNames, deviceMember(device));
  draft.write('hincrby', KEYS.counts, ALL_DEVICES, -1);
  draft.write('hincrby', KEYS.counts, devicesOf(device.profile), -1);
  purge.note(draft, entity);
  return true;
}
