import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import {
  type Credentials,
  type CredentialsType,
  type Device,
  type DeviceState,
  isBarred,
  type StoredCredentials,
} from '../model/device.ts';
import type { Page } from '../model/entity.ts';
import { type CustomerId, type DeviceId, newDeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import { hideSupplyPoints } from '../model/supply-point/index.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { CreateDeviceResult, DeviceChange, DeviceListQuery, RegistryStore } from '../storage/registry-store.ts';
import { createCertificateLogin } from './certificate-login.ts';
import type { DeviceCertificates } from './certificates.ts';
import { type LoginNames, loginIndexes, toStored } from './credentials.ts';
import { firstLogin } from './first-login.ts';
import type { LoginMatch } from './login-match.ts';
import { createCredentialsMaker } from './made-credentials.ts';
import { signedEnd } from './signed-logins.ts';
import type { SigningProduct } from './signed-secrets.ts';
import type { Tombstones } from './tombstones.ts';

const MAX_NAME = 255;
/** C0, DEL, C1, and the line ends that only some readers know. */
const CONTROLS = /[\p{Cc}\u2028\u2029]/u;

/** Why a device, profile or supplier name, or another `what`, cannot be used (thingsboard-device-api 7.1); undefined when it can. */
export function nameProblem(name: string, what = 'name'): string | undefined {
  if (name.trim() === '') return `the ${what} is empty`;
  if (name.length > MAX_NAME) return `the ${what} is longer than ${MAX_NAME} characters`;
  if (/[<>]/.test(name)) return `the ${what} contains markup`;
  if (name.includes('{{')) return `the ${what} contains a template`;
  return CONTROLS.test(name) ? `the ${what} contains a control character` : undefined;
}

/** An empty label is none. Throws BAD_REQUEST. */
export function checkLabel(label: string | null | undefined): void {
  const problem = label ? nameProblem(label, 'label') : undefined;
  if (problem) throw new BrokerError('BAD_REQUEST', { field: 'label', detail: problem });
}

export interface CreateDeviceOptions {
  readonly name: string;
  readonly profile: string;
  readonly label?: string;
  readonly gateway?: boolean;
  readonly info?: JsonObject;
  /** Absent: a 20-character access token is made; in a product, a device secret. */
  readonly credentials?: Credentials;
  /** Absent: registered, of a device that signs; of others as ever. */
  readonly state?: DeviceState;
  readonly serverAttributes?: JsonObject;
  readonly profileQuota?: number;
  /** Keep the credentials, sealed, for the device to fetch once (pre-provisioned devices). */
  readonly keepSealed?: boolean;
  /** The gateway that creates its sub-device. */
  readonly createdBy?: DeviceId;
  /** Whose it is from the first moment on. */
  readonly customer?: CustomerId;
  readonly by: string;
}

export type Created =
  | { readonly kind: 'created'; readonly device: Device; readonly credentials: Credentials }
  | Exclude<CreateDeviceResult, { kind: 'created' }>;

export interface CredentialsLife {
  readonly type: CredentialsType;
  readonly createdAt: number;
  readonly expiresAt?: number;
}

export interface CredentialsState {
  readonly present?: CredentialsLife;
  readonly former?: CredentialsLife;
}

/** Times in ms since 1970. */
export interface CredentialsEnds {
  readonly keepFormerUntil?: number;
  /** When the new ones end; absent = never. */
  readonly expiresAt?: number;
}

/** Devices and their credentials: create, find, log in, rotate, delete. */
export interface Registry {
  /** Throws CREDENTIALS_INVALID or BAD_REQUEST for malformed input; conflicts are results. */
  create(options: CreateDeviceOptions): Promise<Created>;
  /** Finds the device of a CONNECT; constant-time where secrets are compared. `password` absent = ''. */
  login(login: LoginNames & { readonly password: string }): Promise<LoginMatch>;
  /** @param certificate base64 DER of a certificate whose key the peer has proved to hold. */
  loginByCertificate(certificate: string): Promise<LoginMatch>;
  loginByToken(token: string): Promise<Device | undefined>;
  /** Present and former credentials, without any secret. */
  credentialsState(id: DeviceId): Promise<CredentialsState>;
  /** When credentials that matched at a login end, ms; undefined = never. `gone`: they work no more. */
  credentialsEnd(id: DeviceId, credentials: string): Promise<number | 'gone' | undefined>;
  device(id: DeviceId): Promise<Device | undefined>;
  deviceByName(name: string): Promise<Device | undefined>;
  devices(query: DeviceListQuery): Promise<Page<Device>>;
  /** Changes label (null = none) and the flags of a gateway. Throws DEVICE_NOT_FOUND, BAD_REQUEST. */
  update(id: DeviceId, change: DeviceChange, by: string): Promise<Device>;
  /**
   * New credentials; the old ones stop working in the same step, or at `keepFormerUntil`.
   * Throws DEVICE_NOT_FOUND, CREDENTIALS_TAKEN, CREDENTIALS_INVALID.
   */
  rotate(id: DeviceId, credentials: Credentials | undefined, by: string, ends?: CredentialsEnds): Promise<Credentials>;
  /** `former`: those kept by a rotation; `all`: the device cannot log in until it is rotated. False when there was nothing to end. */
  revoke(id: DeviceId, which: 'former' | 'all', by: string): Promise<boolean>;
  /**
   * A device that was activated with its product's secret may be so once more (registration-protocols 1.7). Its secret works on
   * until then. Throws DEVICE_NOT_FOUND, and CREDENTIALS_INVALID for a device that cannot be.
   */
  resetActivation(id: DeviceId, by: string): Promise<Device>;
  /** Notes the gateway that last connected for the device. */
  connectedThrough(id: DeviceId, gateway: DeviceId): Promise<void>;
  /** Everything the device has goes with it. Throws DEVICE_NOT_FOUND. */
  remove(id: DeviceId, by: string): Promise<void>;
  /** The same for a device that is retired when it is removed; false for any other. */
  removeRetired(id: DeviceId, by: string): Promise<boolean>;
}

export interface RegistryParts {
  readonly store: RegistryStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  /** A new device that stays silent so long counts as inactive; default 10 minutes (thingsboard-device-api 8). */
  readonly inactivityTimeoutMs?: number;
  /** The product of a profile whose devices sign; absent = there are none. */
  readonly product?: (profile: string) => SigningProduct | undefined;
  /** Hears of a device that has been removed; absent = nobody has to. */
  readonly onRemoved?: (id: DeviceId) => Promise<void>;
  /** Names of devices that are gone and may not come back; absent = there are none. */
  readonly tombstones?: Tombstones;
  /** Those that logins showed besides; absent = there are none. */
  readonly certificates?: Pick<DeviceCertificates, 'endOf' | 'check' | 'revokeAll'>;
}

/** No password has this hash. */
const NOBODY = '0'.repeat(64);

export function createRegistry(parts: RegistryParts): Registry {
  const { store, audit, hash, clock, inactivityTimeoutMs, tombstones, product = () => undefined, certificates } = parts;
  let lastFound: DeviceId | undefined;
  const checked = createCredentialsMaker(product);
  const entered = async (device: Device, found: StoredCredentials): Promise<LoginMatch> => {
    if (isBarred(device)) return { kind: 'disabled', device };
    const active = await firstLogin(device, found, { store, now: clock.now() });
    return { kind: 'device', device: active, credentials: found.index };
  };
  const signs = (profile: string): boolean => product(profile) !== undefined;
  const loginByCertificate = createCertificateLogin({ ...parts, signs, entered });
  const removeBy = async (id: DeviceId, by: string, how: 'deleteDevice' | 'deleteRetiredDevice'): Promise<boolean> => {
    const now = clock.now();
    const device = await store.device(id);
    if (device?.state === 'retired') await tombstones?.put(device, { at: now, by, why: 'retired' });
    if (!(await store[how](id, now, by))) return false;
    await parts.onRemoved?.(id);
    await audit.append({ at: now, action: 'device.delete', by, subject: `device:${id}`, outcome: 'deleted' });
    return true;
  };
  return {
    async create(options) {
      const name = options.name.trim();
      const problem = nameProblem(name);
      if (problem) throw new BrokerError('BAD_REQUEST', { field: 'name', detail: problem });
      checkLabel(options.label);
      const credentials = checked(options.credentials, options.profile, name);
      const tombstone = await tombstones?.find(name);
      if (tombstone) return { kind: 'name-taken', deviceId: tombstone.deviceId };
      const now = clock.now();
      const state = options.state ?? (credentials.type === 'SIGNED_SECRET' ? 'registered' : undefined);
      const device: Device = {
        id: newDeviceId(now),
        name,
        profile: options.profile,
        gateway: options.gateway ?? false,
        createdAt: now,
        ...(options.label === undefined ? {} : { label: options.label }),
        ...(state === undefined ? {} : { state }),
        ...(options.info === undefined ? {} : { info: options.info }),
        ...(options.createdBy === undefined ? {} : { lastConnectedGateway: options.createdBy }),
      };
      const stored = toStored(device.id, credentials, hash, { now, keepSealed: options.keepSealed ?? false });
      const result = await store.createDevice({
        device,
        credentials: stored,
        serverAttributes: { active: false, ...options.serverAttributes },
        stateDue: now + (inactivityTimeoutMs ?? 600_000),
        audit: {
          at: now,
          action: 'device.create',
          by: options.by,
          subject: `device:${device.id}`,
          outcome: 'created',
          facts: { name: hideSupplyPoints(name), profile: options.profile },
        },
        ...(options.profileQuota === undefined ? {} : { profileQuota: options.profileQuota }),
        ...(options.createdBy === undefined ? {} : { createdBy: options.createdBy }),
        ...(options.customer === undefined ? {} : { customer: options.customer }),
      });
      if (result.kind !== 'created') return result;
      return { kind: 'created', device, credentials };
    },

    async login({ clientId, userName, password }) {
      const indexes = loginIndexes({ clientId, userName }, hash);
      for (const index of indexes) {
        // What a wrong password costs, so that the time does not tell which names there are.
        const found = await store.credentials(index, index === indexes.at(-1) ? lastFound : undefined);
        if (!found) continue;
        lastFound = found.deviceId;
        if (found.type === 'X509_CERTIFICATE') continue;
        if (found.passwordHash !== undefined && !sameHash(found.passwordHash, hash.hash('password', password))) {
          return { kind: 'wrong-password' };
        }
        if (hasEnded(found, clock)) return { kind: 'expired' };
        const device = await store.device(found.deviceId);
        if (device) return entered(device, found);
      }
      sameHash(NOBODY, hash.hash('password', password));
      return { kind: 'unknown' };
    },

    loginByCertificate,

    async loginByToken(token) {
      const found = await store.credentials(hash.hash('credentials-name', token), lastFound); // as in `login`
      if (found?.type !== 'ACCESS_TOKEN' || hasEnded(found, clock)) return undefined;
      const device = await store.device(found.deviceId);
      return device && !isBarred(device) ? firstLogin(device, found, { store, now: clock.now() }) : undefined;
    },

    async credentialsState(id) {
      const [present, former] = [await store.credentialsOf(id), await store.formerCredentialsOf(id)];
      return { ...(present ? { present: lifeOf(present) } : {}), ...(former ? { former: lifeOf(former) } : {}) };
    },

    async credentialsEnd(id, credentials) {
      const [index = '', used = '', serial] = credentials.split(' ');
      const device = await store.device(id);
      if (!device || isBarred(device)) return 'gone';
      // Without credentials besides: a certificate that was signed here.
      const found = index === '' ? undefined : await store.credentials(index);
      if (index !== '' && (found?.deviceId !== id || hasEnded(found, clock))) return 'gone';
      const end = found && signedEnd(found, used, clock.now());
      if (serial === undefined || end === 'gone') return end;
      const certificateEnd = (await certificates?.endOf(id, serial)) ?? 'gone';
      return certificateEnd === 'gone' ? 'gone' : Math.min(certificateEnd, end ?? certificateEnd);
    },

    device: (id) => store.device(id),
    deviceByName: (name) => store.deviceByName(name),
    devices: (query) => store.devices(query),

    async update(id, change, by) {
      checkLabel(change.label);
      const device = await store.updateDevice(id, change);
      if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
      const facts = { fields: Object.keys(change).join(',') };
      await audit.append({
        at: clock.now(),
        action: 'device.update',
        by,
        subject: `device:${id}`,
        outcome: 'updated',
        facts,
      });
      return device;
    },

    async rotate(id, given, by, { keepFormerUntil, expiresAt } = {}) {
      const [device, present] = [await store.device(id), await store.credentialsOf(id)];
      if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
      const credentials = checked(completeBy(present, given), device.profile, device.name);
      const now = clock.now();
      // What the device could log in by besides; of one that signs they are not enough.
      if (keepFormerUntil === undefined && !signs(device.profile)) await certificates?.revokeAll(id, by);
      let next = toStored(id, credentials, hash, { now, keepSealed: false });
      const sameIndex = present?.index === next.index;
      if (keepFormerUntil !== undefined && sameIndex && present?.signing && next.signing) {
        const signing = { ...next.signing, former: present.signing.secret, formerUntil: keepFormerUntil };
        next = { ...next, signing };
      } else if (keepFormerUntil !== undefined && sameIndex) {
        const detail = 'old and new credentials can live side by side only when their ids differ';
        throw new BrokerError('CREDENTIALS_INVALID', { detail });
      }
      const result = await store.replaceCredentials(
        expiresAt === undefined ? next : { ...next, expiresAt },
        keepFormerUntil,
      );
      if (result === 'unknown-device') throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
      if (result === 'credentials-taken') throw new BrokerError('CREDENTIALS_TAKEN', { device: id });
      await audit.append({ at: now, action: 'device.rotate', by, subject: `device:${id}`, outcome: 'rotated' });
      return credentials;
    },

    async revoke(id, which, by) {
      const now = clock.now();
      if (which === 'all') await certificates?.revokeAll(id, by);
      const ended = await store.endCredentials(id, which, now);
      const outcome = ended ? 'revoked' : 'nothing to revoke';
      await audit.append({ at: now, action: 'device.revoke', by, subject: `device:${id}`, outcome, facts: { which } });
      return ended;
    },

    async resetActivation(id, by) {
      const present = await store.credentialsOf(id);
      if (present && !present.signing) {
        throw new BrokerError('CREDENTIALS_INVALID', { detail: 'the device does not sign: give it new credentials' });
      }
      const change = await store.changeState(id, {
        from: ['registered', 'issued', 'active'],
        to: 'registered',
        audit: { at: clock.now(), action: 'device.reset', by, subject: `device:${id}`, outcome: 'registered' },
      });
      if (change.kind === 'unknown') throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
      if (change.kind === 'changed') return change.device;
      throw new BrokerError('DEVICE_STATE', { detail: `the device is ${change.device.state}: enable it first` });
    },

    async connectedThrough(id, gateway) {
      await store.setLastGateway(id, gateway);
    },

    async remove(id, by) {
      if (!(await removeBy(id, by, 'deleteDevice'))) throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
    },

    removeRetired: (id, by) => removeBy(id, by, 'deleteRetiredDevice'),
  };
}

const hasEnded = ({ expiresAt }: StoredCredentials, clock: Clock): boolean =>
  expiresAt !== undefined && expiresAt <= clock.now();

const lifeOf = ({ type, createdAt, expiresAt }: StoredCredentials): CredentialsLife =>
  expiresAt === undefined ? { type, createdAt } : { type, createdAt, expiresAt };

/** A device keeps its key when it gets another secret. */
function completeBy(present: StoredCredentials | undefined, given: Credentials | undefined): Credentials | undefined {
  if (!present?.signing || (given && given.type !== 'SIGNED_SECRET')) return given;
  const { productKey, deviceKey } = present.signing;
  return {
    type: 'SIGNED_SECRET',
    productKey: given?.productKey || productKey,
    deviceKey: given?.deviceKey || deviceKey,
    deviceSecret: given?.deviceSecret ?? '',
  };
}
