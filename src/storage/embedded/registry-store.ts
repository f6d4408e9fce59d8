import { type Device, isBarred, type StoredCredentials } from '../../model/device.ts';
import type { DeviceId } from '../../model/ids.ts';
import type { ClaimResult, CreateDeviceResult, DeviceChange, NewDevice, RegistryStore } from '../registry-store.ts';
import { dropAlarmsOf } from './alarm-records.ts';
import { dropAlarmStatesOf } from './alarm-state-store.ts';
import { endAttachment, forgetSupplyPoints } from './attachments.ts';
import { attributesOf, attributeTexts, putAttributes, readAttribute } from './attributes.ts';
import type { Committer } from './committer.ts';
import { setDue } from './connectivity-store.ts';
import { credentialsByIndexOf, dropCredentials, endCredentials, replaceCredentials } from './credentials.ts';
import { forgetCustomer } from './customer-store.ts';
import { dropDeadLettersOf } from './dead-letters.ts';
import { listDevices } from './device-list.ts';
import { changeState, replaceDevice } from './device-steps.ts';
import type { Environment, Tables } from './environment.ts';
import { EMPTY_HEAD } from './head.ts';
import { ID_BYTES, idKey, idText, newIdKey, textKey } from './keys.ts';
import { dropMessagesOf } from './message-store.ts';
import { forgetOtaOf } from './ota-records.ts';
import type { Purge } from './purge.ts';
import { appendAudit } from './record-stores.ts';
import { adjustCounter, getJson, putJson, readCounter, removeRange } from './records.ts';
import { dropRelationsOf, putRelation } from './relations.ts';
import { dropRpcsOf } from './rpc-store.ts';
import type { Tx } from './sequence.ts';

const ALL_DEVICES = 'devices';
const ofProfile = (profile: string): string => `devices:${profile}`;

export function createRegistryStore(
  environment: Environment,
  committer: Committer,
  { purge, maxAuditEntries }: { readonly purge: Purge; readonly maxAuditEntries: number },
): RegistryStore {
  const { tables } = environment;
  const { counters, credentials, deviceNames, devices } = tables;
  const deviceAt = (id: Buffer | undefined): Device | undefined => id && getJson<Device>(devices, id);
  const credentialsAt = (id: Buffer | undefined): StoredCredentials | undefined =>
    id && getJson<StoredCredentials>(credentials, id);
  const remove = async (what: Removal): Promise<boolean> => {
    const key = idKey(what.id);
    if (key === undefined) return false;
    const deleted = await committer.run((tx) => deleteDevice(tables, tx, purge, { ...what, key }), { ordered: true });
    purge.wake();
    return deleted;
  };
  return {
    async createDevice(entry) {
      const texts = attributeTexts(entry.serverAttributes);
      const create = (tx: Tx): CreateDeviceResult => {
        const result = createDevice(tables, tx, purge, { ...entry, texts });
        if (result.kind === 'created' && entry.audit) appendAudit(tables, tx, entry.audit, maxAuditEntries);
        return result;
      };
      return committer.run(create, { ordered: true });
    },
    device: async (id) => deviceAt(idKey(id)),
    deviceByName: async (name) => deviceAt(deviceNames.get(textKey(name))?.subarray(0, ID_BYTES)),
    devices: (query) => listDevices(environment, query, readCounter(counters, ALL_DEVICES)),
    deviceCount: async (profile) => readCounter(counters, profile === undefined ? ALL_DEVICES : ofProfile(profile)),
    async credentials(index, decoy) {
      const found = credentialsByIndexOf(tables, index);
      if (found === undefined && decoy !== undefined) credentialsAt(idKey(decoy));
      return found;
    },
    credentialsOf: async (id) => credentialsAt(idKey(id)),
    formerCredentialsOf: async (id) => {
      const key = idKey(id);
      return key && getJson<StoredCredentials>(tables.formerCredentials, key);
    },
    endCredentials: (id, which, now) => committer.run(() => endCredentials(tables, id, which, now)),
    updateDevice: (id, change) => committer.run(() => updateDevice(tables, id, change)),
    changeState: (id, step) =>
      committer.run(
        (tx) => {
          const change = changeState(tables, id, step);
          if (change.kind === 'changed' && step.audit) appendAudit(tables, tx, step.audit, maxAuditEntries);
          return change;
        },
        { ordered: true },
      ),
    replaceDevice: (id, replacement) =>
      committer.run(
        (tx) => {
          const result = replaceDevice(tables, id, replacement);
          if (result.kind === 'replaced') appendAudit(tables, tx, replacement.audit, maxAuditEntries);
          return result;
        },
        { ordered: true },
      ),
    setLastGateway: (id, gateway) => committer.run(() => setLastGateway(tables, id, gateway)),
    replaceCredentials: (next, keepFormerUntil) =>
      committer.run(() => replaceCredentials(tables, next, keepFormerUntil)),
    claimPreProvisioned: (name, profile, now) => committer.run((tx) => claim(tables, tx, { name, profile, now })),
    deleteDevice: (id, now, by) => remove({ id, now, by }),
    deleteRetiredDevice: (id, now, by) => remove({ id, now, by, onlyRetired: true }),
  };
}

function createDevice(
  tables: Tables,
  tx: Tx,
  purge: Purge,
  entry: NewDevice & { readonly texts: readonly (readonly [string, string])[] },
): CreateDeviceResult {
  const { device, profileQuota, texts } = entry;
  const name = textKey(device.name);
  const holder = tables.deviceNames.get(name);
  if (holder !== undefined) return { kind: 'name-taken', deviceId: idText(holder) as DeviceId };
  const index = textKey(entry.credentials.index);
  if (tables.credentialsByIndex.has(index)) return { kind: 'credentials-taken' };
  const counter = ofProfile(device.profile);
  if (profileQuota !== undefined && readCounter(tables.counters, counter) >= profileQuota)
    return { kind: 'quota-reached' };
  const id = newIdKey(device.id);
  if (tables.devices.has(id)) return { kind: 'name-taken', deviceId: device.id };
  purge.finish(id);
  putJson(tables.devices, id, device);
  indexDevice(tables, id, device);
  putJson(tables.credentials, id, entry.credentials);
  tables.credentialsByIndex.put(index, id);
  tables.heads.put(id, EMPTY_HEAD);
  if (entry.stateDue !== undefined) setDue(tables, id, entry.stateDue);
  putAttributes(tables, tx, { id, scope: 'SERVER_SCOPE', ts: device.createdAt, texts, onlyOnChange: false });
  if (entry.customer !== undefined) tables.deviceCustomers.put(id, newIdKey(entry.customer));
  if (entry.createdBy !== undefined) {
    const end = (one: DeviceId) => ({ entityType: 'DEVICE', id: one }) as const;
    putRelation(tables, { from: end(entry.createdBy), type: 'Created', to: end(device.id) });
    const customer = tables.deviceCustomers.get(newIdKey(entry.createdBy));
    if (customer !== undefined) tables.deviceCustomers.put(id, customer);
  }
  return { kind: 'created' };
}

/** Name and counters of a device that is new. */
export function indexDevice({ counters, deviceNames }: Tables, id: Buffer, { name, profile }: Device): void {
  // The profile stands in the index too, so that a filtered list need not read every device.
  deviceNames.put(textKey(name), Buffer.concat([id, Buffer.from(profile, 'utf8')]));
  adjustCounter(counters, ALL_DEVICES, 1);
  adjustCounter(counters, ofProfile(profile), 1);
}

function updateDevice({ devices }: Tables, id: DeviceId, { label, info, ...flags }: DeviceChange): Device | undefined {
  const key = idKey(id);
  const former = key && getJson<Device>(devices, key);
  if (key === undefined || former === undefined) return undefined;
  const { label: formerLabel, info: formerInfo, ...rest } = former;
  const next = label === undefined ? formerLabel : (label ?? undefined);
  const nextInfo = info === undefined ? formerInfo : (info ?? undefined);
  const device: Device = {
    ...rest,
    ...(next === undefined ? {} : { label: next }),
    ...(nextInfo === undefined ? {} : { info: nextInfo }),
    ...flags,
  };
  putJson(devices, key, device);
  return device;
}

function setLastGateway({ devices }: Tables, id: DeviceId, gateway: DeviceId): boolean {
  const key = idKey(id);
  const device = key && getJson<Device>(devices, key);
  if (key === undefined || device === undefined) return false;
  putJson(devices, key, { ...device, lastConnectedGateway: gateway });
  return true;
}

function claim(tables: Tables, tx: Tx, what: { name: string; profile: string; now: number }): ClaimResult {
  const id = tables.deviceNames.get(textKey(what.name))?.subarray(0, ID_BYTES);
  const device = id && getJson<Device>(tables.devices, id);
  const credentials = id && getJson<StoredCredentials>(tables.credentials, id);
  if (id === undefined || device === undefined || credentials === undefined) return { kind: 'unknown' };
  if (device.profile !== what.profile) return { kind: 'other-profile', device };
  if (isBarred(device)) return { kind: 'already-provisioned', device };
  if (readAttribute(tables, id, 'SERVER_SCOPE', 'provisionState') !== undefined) {
    return { kind: 'already-provisioned', device };
  }
  const texts = [['provisionState', '"provisioned"']] as const;
  putAttributes(tables, tx, { id, scope: 'SERVER_SCOPE', ts: what.now, texts, onlyOnChange: false });
  const { sealed: _, ...kept } = credentials;
  putJson(tables.credentials, id, kept);
  return { kind: 'claimed', device, credentials };
}

interface Removal {
  readonly id: DeviceId;
  readonly now: number;
  readonly by: string;
  readonly onlyRetired?: true;
}

function deleteDevice(tables: Tables, tx: Tx, purge: Purge, what: Removal & { readonly key: Buffer }): boolean {
  const { key } = what;
  const device = getJson<Device>(tables.devices, key);
  if (device === undefined || (what.onlyRetired && device.state !== 'retired')) return false;
  endAttachment(tables, tx, { id: key, event: 'ended', now: what.now, by: what.by });
  forgetSupplyPoints(tables, key);
  dropRelationsOf(tables, { entityType: 'DEVICE', id: what.id });
  dropDeadLettersOf(tables, { entityType: 'DEVICE', id: what.id });
  dropRpcsOf(tables, key);
  dropMessagesOf(tables, { entityType: 'DEVICE', id: what.id });
  dropAlarmsOf(tables, { entityType: 'DEVICE', id: what.id });
  dropAlarmStatesOf(tables, key);
  forgetOtaOf(tables, key);
  removeRange(tables.attributes, attributesOf(key));
  setDue(tables, key, 'never');
  forgetCustomer(tables, key);
  purge.dropHistory(key);
  tables.heads.remove(key);
  dropCredentials(tables, key);
  tables.deviceNames.remove(textKey(device.name));
  tables.devices.remove(key);
  adjustCounter(tables.counters, ALL_DEVICES, -1);
  adjustCounter(tables.counters, ofProfile(device.profile), -1);
  return true;
}
