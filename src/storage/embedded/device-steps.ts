import type { Device, StoredCredentials } from '../../model/device.ts';
import type { DeviceId } from '../../model/ids.ts';
import {
  inState,
  mayTake,
  type Replacement,
  type ReplaceResult,
  type StateChange,
  type StateStep,
} from '../registry-store.ts';
import { dropCredentials } from './credentials.ts';
import type { Tables } from './environment.ts';
import { idKey, textKey } from './keys.ts';
import { getJson, putJson } from './records.ts';

/** Inside a transaction. */
export function changeState({ devices, credentials }: Tables, id: DeviceId, step: StateStep): StateChange {
  const key = idKey(id);
  const device = key && getJson<Device>(devices, key);
  if (key === undefined || device === undefined) return { kind: 'unknown' };
  const present = getJson<StoredCredentials>(credentials, key);
  if (!mayTake(step, device, present)) return { kind: 'refused', device };
  const next = inState(device, step.to);
  putJson(devices, key, next);
  if (step.credentials !== undefined) putJson(credentials, key, step.credentials);
  return { kind: 'changed', device: next };
}

/** Inside a transaction. */
export function replaceDevice(tables: Tables, id: DeviceId, { name, credentials, to }: Replacement): ReplaceResult {
  const key = idKey(id);
  const device = key && getJson<Device>(tables.devices, key);
  if (key === undefined || device === undefined) return { kind: 'unknown' };
  if (tables.deviceNames.has(textKey(name))) return { kind: 'name-taken' };
  const index = textKey(credentials.index);
  const holder = tables.credentialsByIndex.get(index);
  if (holder !== undefined && !holder.equals(key)) return { kind: 'credentials-taken' };
  const former = textKey(device.name);
  const entry = tables.deviceNames.get(former);
  tables.deviceNames.remove(former);
  if (entry !== undefined) tables.deviceNames.put(textKey(name), entry);
  dropCredentials(tables, key);
  putJson(tables.credentials, key, credentials);
  tables.credentialsByIndex.put(index, key);
  const next = { ...inState(device, to), name };
  putJson(tables.devices, key, next);
  return { kind: 'replaced', device: next };
}
