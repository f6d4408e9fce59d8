import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import { type Credentials, type Device, type DeviceState, stateOf } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { hideSupplyPoints } from '../model/supply-point/index.ts';
import type { AuditEntry, AuditStore } from '../storage/record-stores.ts';
import type { RegistryStore, StateChange, StateStep } from '../storage/registry-store.ts';
import type { DeviceCertificates } from './certificates.ts';
import { toStored } from './credentials.ts';
import { createCredentialsMaker } from './made-credentials.ts';
import { nameProblem } from './registry.ts';
import type { Retirements } from './retirements.ts';
import type { SigningProduct } from './signed-secrets.ts';
import type { Tombstone, Tombstones } from './tombstones.ts';

export interface ReplaceOptions {
  /** The name of the new unit: its serial number. */
  readonly name: string;
  /** Absent: made, as for a new device. */
  readonly credentials?: Credentials;
  readonly by: string;
}

/** What an administrator does with a device between its registration and its end; each step is audited. */
export interface LifeCycle {
  /** It may do nothing until it is enabled; its credentials stay. Throws DEVICE_NOT_FOUND, DEVICE_STATE. */
  disable(id: DeviceId, by: string): Promise<Device>;
  /** It is again what it was. Throws DEVICE_NOT_FOUND, DEVICE_STATE. */
  enable(id: DeviceId, by: string): Promise<Device>;
  /** For good: its credentials end, what is stored for it stays. Its name cannot be registered again. Throws DEVICE_NOT_FOUND. */
  retire(id: DeviceId, by: string): Promise<Device>;
  /**
   * Another unit takes the device's place: id, history, relations and attachment stay; name and credentials are new, and the
   * former name cannot be registered again. Throws DEVICE_NOT_FOUND, BAD_REQUEST, NAME_TAKEN, CREDENTIALS_*.
   */
  replace(
    id: DeviceId,
    options: ReplaceOptions,
  ): Promise<{ readonly device: Device; readonly credentials: Credentials }>;
  readonly tombstones: Pick<Tombstones, 'find' | 'list'>;
  /**
   * The name of a device that was retired or replaced may be registered again. A retired device that is still stored keeps its
   * history under another name. Throws NOT_FOUND.
   */
  lift(name: string, by: string): Promise<void>;
}

export interface LifeCycleParts {
  readonly store: RegistryStore;
  readonly audit: AuditStore;
  readonly tombstones: Tombstones;
  readonly retirements: Retirements;
  readonly certificates: Pick<DeviceCertificates, 'revokeAll'>;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  /** As in `RegistryParts`. */
  readonly product: (profile: string) => SigningProduct | undefined;
}

const IN_USE: readonly DeviceState[] = ['registered', 'issued', 'active'];

export function createLifeCycle({
  store,
  audit,
  tombstones,
  retirements,
  certificates,
  ...parts
}: LifeCycleParts): LifeCycle {
  const { hash, clock, product } = parts;
  const make = createCredentialsMaker(product);

  const line = (action: string, id: DeviceId, by: string, more: Pick<AuditEntry, 'outcome' | 'facts'>): AuditEntry => ({
    at: clock.now(),
    action,
    by,
    subject: `device:${id}`,
    ...more,
  });
  const step = async (id: DeviceId, wanted: StateStep): Promise<Exclude<StateChange, { kind: 'unknown' }>> => {
    const change = await store.changeState(id, wanted);
    if (change.kind === 'unknown') throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
    return change;
  };

  return {
    async disable(id, by) {
      const entry = line('device.disable', id, by, { outcome: 'disabled' });
      const { device } = await step(id, { from: IN_USE, to: 'disabled', audit: entry });
      if (device.state === 'disabled') return device;
      throw new BrokerError('DEVICE_STATE', { detail: `the device is ${stateOf(device)}: it cannot be disabled` });
    },

    async enable(id, by) {
      const found = await store.device(id);
      const to = found?.stateBefore ?? 'active';
      const entry = line('device.enable', id, by, { outcome: to });
      const { kind, device } = await step(id, { from: ['disabled'], to, audit: entry });
      if (kind === 'changed' || device.state !== 'retired') return device;
      throw new BrokerError('DEVICE_STATE', { detail: 'the device is retired: replace it, or lift its tombstone' });
    },

    async retire(id, by) {
      const entry = line('device.retire', id, by, { outcome: 'retired' });
      // First: a retired device without a note would be kept for ever.
      const found = await store.device(id);
      if (found && (found.state !== 'retired' || !(await retirements.find(id)))) await retirements.note(id);
      const { device } = await step(id, { from: [...IN_USE, 'disabled'], to: 'retired', audit: entry });
      await store.endCredentials(id, 'all', clock.now());
      await certificates.revokeAll(id, by);
      return device;
    },

    async replace(id, { name: given, credentials, by }) {
      const name = given.trim();
      const problem = nameProblem(name);
      if (problem) throw new BrokerError('BAD_REQUEST', { field: 'name', detail: problem });
      const former = await store.device(id);
      if (!former) throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
      if (await tombstones.find(name)) throw new BrokerError('NAME_TAKEN', { field: 'name' });
      const made = make(credentials, former.profile, name);
      const now = clock.now();
      // First: a former unit that comes back right after the step must not be registered anew.
      await tombstones.put(former, { at: now, by, why: 'replaced' });
      const names = { former: hideSupplyPoints(former.name), name: hideSupplyPoints(name) };
      const to = made.type === 'SIGNED_SECRET' ? 'registered' : 'active';
      const result = await store.replaceDevice(id, {
        name,
        credentials: toStored(id, made, hash, { now, keepSealed: false }),
        to,
        audit: line('device.replace', id, by, { outcome: to, facts: names }),
      });
      if (result.kind === 'replaced') {
        await certificates.revokeAll(id, by);
        return { device: result.device, credentials: made };
      }
      await tombstones.lift(former.name);
      if (result.kind === 'name-taken') throw new BrokerError('NAME_TAKEN', { field: 'name' });
      if (result.kind === 'credentials-taken') throw new BrokerError('CREDENTIALS_TAKEN', { device: id });
      throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
    },

    tombstones,

    async lift(name, by) {
      const stone: Tombstone | undefined = await tombstones.find(name);
      const device = await store.deviceByName(name);
      const retired = device?.state === 'retired' ? device : undefined;
      if (!stone && !retired)
        throw new BrokerError('NOT_FOUND', { field: 'name', detail: 'no tombstone has this name' });
      if (retired) await setAside(retired, by);
      await tombstones.lift(name);
      const id = retired?.id ?? stone?.deviceId;
      if (id !== undefined) await audit.append(line('device.lift', id, by, { outcome: 'lifted' }));
    },
  };

  /** The record of a retired device makes room for its name; nothing logs in with what it gets. */
  async function setAside(device: Device, by: string): Promise<void> {
    const name = `${device.name.slice(0, 200)} (retired ${device.id})`;
    const now = clock.now();
    const nobodys = make({ type: 'ACCESS_TOKEN', token: `retired ${device.id}` }, '', name);
    const result = await store.replaceDevice(device.id, {
      name,
      credentials: { ...toStored(device.id, nobodys, hash, { now, keepSealed: false }), expiresAt: now },
      to: 'retired',
      audit: line('device.rename', device.id, by, { outcome: 'retired' }),
    });
    if (result.kind !== 'replaced') throw new BrokerError('NAME_TAKEN', { field: 'name', device: device.id });
  }
}
