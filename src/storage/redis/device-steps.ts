import type { Device } from '../../model/device.ts';
import type { DeviceId } from '../../model/ids.ts';
import {
  inState,
  mayTake,
  type Replacement,
  type ReplaceResult,
  type StateChange,
  type StateStep,
} from '../registry-store.ts';
import type { Draft } from './commit.ts';
import { dropCredentials, presentOf, replacePresent, writeCredentials } from './credentials.ts';
import { deviceMember } from './device-list.ts';
import { closed, isId, KEYS } from './keys.ts';
import { appendAudit } from './record-stores.ts';

interface Parts {
  readonly maxAuditEntries: number;
}

/** Within a step. */
export async function changeState(
  { maxAuditEntries }: Parts,
  draft: Draft,
  id: DeviceId,
  step: StateStep,
): Promise<StateChange> {
  const device = isId(id) ? await draft.record<Device>(KEYS.devices, id) : undefined;
  if (device === undefined) return { kind: 'unknown' };
  const present = await presentOf(draft, id);
  if (!mayTake(step, device, present)) return { kind: 'refused', device };
  const next = inState(device, step.to);
  draft.write('hset', KEYS.devices, id, JSON.stringify(next));
  if (step.credentials !== undefined) await replacePresent(draft, id, step.credentials);
  if (step.audit !== undefined) appendAudit(draft, step.audit, maxAuditEntries);
  return { kind: 'changed', device: next };
}

/** Within a step. */
export async function replaceDevice(
  { maxAuditEntries }: Parts,
  draft: Draft,
  id: DeviceId,
  { name, credentials, to, audit }: Replacement,
): Promise<ReplaceResult> {
  const device = isId(id) ? await draft.record<Device>(KEYS.devices, id) : undefined;
  if (device === undefined) return { kind: 'unknown' };
  const [[named], holder] = await Promise.all([
    draft.members(KEYS.deviceNames, closed(name), 1),
    draft.field(KEYS.credentialsByIndex, credentials.index),
  ]);
  if (named !== undefined) return { kind: 'name-taken' };
  if (holder !== undefined && holder !== id) return { kind: 'credentials-taken' };
  const next = { ...inState(device, to), name };
  await dropCredentials(draft, id);
  draft.write('zrem', KEYS.deviceNames, deviceMember(device));
  draft.write('zadd', KEYS.deviceNames, 0, deviceMember(next));
  draft.write('hset', KEYS.devices, id, JSON.stringify(next));
  writeCredentials(draft, id, credentials);
  appendAudit(draft, audit, maxAuditEntries);
  return { kind: 'replaced', device: next };
}
