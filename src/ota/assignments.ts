import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId, OtaPackageId } from '../model/ids.ts';
import { OTA_KINDS, type OtaChoice, type OtaKind, type OtaPackage } from '../model/ota.ts';
import type { OtaStore } from '../storage/ota-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import { announcePackage, type LifeCycleParts, withdrawPackage } from './life-cycle.ts';

/** Who has which package: a device's own goes before that of its profile. */
export interface OtaAssignments {
  packageOf(device: Device, kind: OtaKind): Promise<OtaPackage | undefined>;
  /** What the device was given by name. */
  ofDevice(id: DeviceId): Promise<OtaChoice>;
  ofProfile(name: string): Promise<OtaChoice>;
  /** Throws what giving this package to a device of this profile would: NOT_FOUND, BAD_REQUEST. */
  check(profile: string, kind: OtaKind, id: OtaPackageId | undefined): Promise<void>;
  /** Gives or takes away, and tells the device. Throws NOT_FOUND, BAD_REQUEST. */
  assignDevice(device: Device, kind: OtaKind, id: OtaPackageId | undefined, by: string): Promise<void>;
  /** The same for a profile; its devices are told in the background, also over a restart. */
  assignProfile(profile: string, kind: OtaKind, id: OtaPackageId | undefined, by: string): Promise<void>;
  /** Tells the device what it has not been told yet; never rejects. */
  catchUp(device: Device): Promise<void>;
  /** Goes on with profiles whose devices were not all told. */
  resume(): Promise<void>;
  /** Stops telling; what is left goes on after the next start. */
  close(): Promise<void>;
}

export interface OtaAssignmentsParts extends LifeCycleParts {
  readonly store: OtaStore;
  readonly registry: Pick<RegistryStore, 'devices'>;
  readonly audit: AuditStore;
  readonly onError: (error: unknown) => void;
}

/** Devices of a profile that are told at once, so that their writes share commits. */
const DEVICES_AT_ONCE = 32;
const DEVICES_A_PAGE = 1_000;

export function createOtaAssignments(parts: OtaAssignmentsParts): OtaAssignments {
  const { store, registry, audit, clock } = parts;
  const tails = new Map<DeviceId, Promise<void>>();
  const rollouts = new Map<string, Promise<void>>();
  /** Profiles that changed while their devices were being told. */
  const again = new Set<string>();
  let closed = false;

  const choicesOf = async ({ id, profile }: Device) => {
    const [ofProfile, ofDevice] = await Promise.all([store.profile(profile), store.device(id)]);
    const wanted: OtaChoice = { ...ofProfile?.assigned, ...ofDevice.assigned };
    return { wanted, announced: ofDevice.announced };
  };

  const tell = async (device: Device): Promise<void> => {
    const { wanted, announced } = await choicesOf(device);
    for (const kind of OTA_KINDS) {
      const next = wanted[kind];
      if (next === announced[kind]) continue;
      const entry = next && (await store.package(next));
      if (entry) await announcePackage(device.id, entry, parts);
      else await withdrawPackage(device.id, kind, parts);
      await store.announced(device.id, kind, next);
    }
  };

  /** One telling of a device at a time. */
  const telling = (device: Device): Promise<void> => {
    const done = (tails.get(device.id) ?? Promise.resolve()).catch(() => {}).then(() => tell(device));
    tails.set(device.id, done);
    const forget = (): void => {
      if (tails.get(device.id) === done) tails.delete(device.id);
    };
    done.then(forget, forget);
    return done;
  };

  const tellAll = async (profile: string): Promise<void> => {
    for (let page = 0, more = true; more; page++) {
      const { data, hasNext } = await registry.devices({ profile, page, pageSize: DEVICES_A_PAGE });
      for (let at = 0; at < data.length; at += DEVICES_AT_ONCE) {
        if (closed) return;
        await Promise.all(data.slice(at, at + DEVICES_AT_ONCE).map(telling));
      }
      more = hasNext;
    }
  };

  const rollOut = (profile: string): void => {
    if (closed) return;
    if (rollouts.has(profile)) {
      again.add(profile);
      return;
    }
    const work = async (): Promise<void> => {
      for (let now = await store.profile(profile); now?.pending && !closed; now = await store.profile(profile)) {
        await tellAll(profile);
        if (!closed) await store.profileDone(profile, now.assigned);
      }
    };
    const done = work()
      .catch(parts.onError)
      .finally(() => {
        rollouts.delete(profile);
        if (again.delete(profile)) rollOut(profile);
      });
    rollouts.set(profile, done);
  };

  const check: OtaAssignments['check'] = async (profile, kind, id) => {
    if (id === undefined) return;
    const entry = await store.package(id);
    if (entry?.kind !== kind) throw new BrokerError('NOT_FOUND', { detail: `there is no such ${kind} package` });
    if (entry.profile !== undefined && entry.profile !== profile) {
      throw new BrokerError('BAD_REQUEST', { detail: `the package is for devices of the profile ${entry.profile}` });
    }
    if (entry.url === undefined && entry.content === undefined) {
      throw new BrokerError('BAD_REQUEST', { detail: 'the package has no content yet' });
    }
  };

  const note = (subject: string, kind: OtaKind, id: OtaPackageId | undefined, by: string) =>
    audit.append({
      at: clock.now(),
      action: 'ota.assign',
      by,
      subject,
      outcome: id === undefined ? 'taken away' : 'assigned',
      facts: id === undefined ? { kind } : { kind, package: id },
    });

  return {
    async packageOf(device, kind) {
      const id = (await choicesOf(device)).wanted[kind];
      return id && store.package(id);
    },
    check,
    ofDevice: async (id) => (await store.device(id)).assigned,
    ofProfile: async (name) => (await store.profile(name))?.assigned ?? {},
    async assignDevice(device, kind, id, by) {
      await check(device.profile, kind, id);
      if ((await store.assignDevice(device.id, kind, id)) === 'unknown') throw new BrokerError('DEVICE_NOT_FOUND');
      await note(`device:${device.id}`, kind, id, by);
      await telling(device);
    },
    async assignProfile(profile, kind, id, by) {
      await check(profile, kind, id);
      if ((await store.assignProfile(profile, kind, id)) === 'unknown') throw new BrokerError('NOT_FOUND');
      await note(`profile:${profile}`, kind, id, by);
      rollOut(profile);
    },
    catchUp: (device) => (closed ? Promise.resolve() : telling(device).catch(parts.onError)),
    async resume() {
      for (const { profile, pending } of await store.profiles()) if (pending) rollOut(profile);
    },
    async close() {
      closed = true;
      await Promise.all([...rollouts.values(), ...[...tails.values()].map((tail) => tail.catch(() => {}))]);
    },
  };
}
