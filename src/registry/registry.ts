import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Credentials, Device } from '../model/device.ts';
import type { Page } from '../model/entity.ts';
import { type DeviceId, newDeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import { hideSupplyPoints } from '../model/supply-point/index.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { CreateDeviceResult, DeviceChange, DeviceListQuery, RegistryStore } from '../storage/registry-store.ts';
import { credentialsProblem, type LoginNames, loginIndexes, randomAlphanumerics, toStored } from './credentials.ts';

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

export interface CreateDeviceOptions {
  readonly name: string;
  readonly profile: string;
  readonly label?: string;
  readonly gateway?: boolean;
  /** Absent: a 20-character access token is made. */
  readonly credentials?: Credentials;
  readonly serverAttributes?: JsonObject;
  readonly profileQuota?: number;
  /** Keep the credentials, sealed, for the device to fetch once (pre-provisioned devices). */
  readonly keepSealed?: boolean;
  /** The gateway that creates its sub-device. */
  readonly createdBy?: DeviceId;
  readonly by: string;
}

export type Created =
  | { readonly kind: 'created'; readonly device: Device; readonly credentials: Credentials }
  | Exclude<CreateDeviceResult, { kind: 'created' }>;

export type LoginMatch =
  | { readonly kind: 'device'; readonly device: Device }
  | { readonly kind: 'wrong-password' }
  | { readonly kind: 'unknown' };

/** Devices and their credentials: create, find, log in, rotate, delete. */
export interface Registry {
  /** Throws CREDENTIALS_INVALID or BAD_REQUEST for malformed input; conflicts are results. */
  create(options: CreateDeviceOptions): Promise<Created>;
  /** Finds the device of a CONNECT; constant-time where secrets are compared. `password` absent = ''. */
  login(login: LoginNames & { readonly password: string }): Promise<LoginMatch>;
  loginByToken(token: string): Promise<Device | undefined>;
  device(id: DeviceId): Promise<Device | undefined>;
  deviceByName(name: string): Promise<Device | undefined>;
  devices(query: DeviceListQuery): Promise<Page<Device>>;
  /** Changes label (null = none) and gateway flag. Throws DEVICE_NOT_FOUND. */
  update(id: DeviceId, change: DeviceChange, by: string): Promise<Device>;
  /** New credentials; the old ones stop working in the same step. Throws DEVICE_NOT_FOUND, CREDENTIALS_TAKEN. */
  rotate(id: DeviceId, credentials: Credentials | undefined, by: string): Promise<Credentials>;
  /** Notes the gateway that last connected for the device. */
  connectedThrough(id: DeviceId, gateway: DeviceId): Promise<void>;
  /** Everything the device has goes with it. Throws DEVICE_NOT_FOUND. */
  remove(id: DeviceId, by: string): Promise<void>;
}

export interface RegistryParts {
  readonly store: RegistryStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  /** A new device that stays silent so long counts as inactive; default 10 minutes (thingsboard-device-api 8). */
  readonly inactivityTimeoutMs?: number;
}

export function createRegistry({ store, audit, hash, clock, inactivityTimeoutMs }: RegistryParts): Registry {
  const generatedToken = (): Credentials => ({ type: 'ACCESS_TOKEN', token: randomAlphanumerics(20) });
  return {
    async create(options) {
      const name = options.name.trim();
      const problem = nameProblem(name);
      if (problem) throw new BrokerError('BAD_REQUEST', { field: 'name', detail: problem });
      const wrongLabel = options.label ? nameProblem(options.label, 'label') : undefined;
      if (wrongLabel) throw new BrokerError('BAD_REQUEST', { field: 'label', detail: wrongLabel });
      const credentials = options.credentials ?? generatedToken();
      const wrong = credentialsProblem(credentials);
      if (wrong) throw new BrokerError('CREDENTIALS_INVALID', { field: 'credentials', detail: wrong });
      const now = clock.now();
      const device: Device = {
        id: newDeviceId(now),
        name,
        profile: options.profile,
        gateway: options.gateway ?? false,
        createdAt: now,
        ...(options.label === undefined ? {} : { label: options.label }),
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
      });
      if (result.kind !== 'created') return result;
      return { kind: 'created', device, credentials };
    },

    async login({ clientId, userName, password }) {
      const indexes = loginIndexes({ clientId, userName }, hash);
      for (const index of indexes) {
        const found = await store.credentials(index);
        if (!found) continue;
        if (found.type === 'X509_CERTIFICATE') continue;
        if (found.passwordHash !== undefined && !sameHash(found.passwordHash, hash.hash('password', password))) {
          return { kind: 'wrong-password' };
        }
        const device = await store.device(found.deviceId);
        if (device) return { kind: 'device', device };
      }
      return { kind: 'unknown' };
    },

    async loginByToken(token) {
      const found = await store.credentials(hash.hash('credentials-name', token));
      return found?.type === 'ACCESS_TOKEN' ? store.device(found.deviceId) : undefined;
    },

    device: (id) => store.device(id),
    deviceByName: (name) => store.deviceByName(name),
    devices: (query) => store.devices(query),

    async update(id, change, by) {
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

    async rotate(id, given, by) {
      const credentials = given ?? generatedToken();
      const wrong = credentialsProblem(credentials);
      if (wrong) throw new BrokerError('CREDENTIALS_INVALID', { field: 'credentials', detail: wrong });
      const now = clock.now();
      const result = await store.replaceCredentials(toStored(id, credentials, hash, { now, keepSealed: false }));
      if (result === 'unknown-device') throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
      if (result === 'credentials-taken') throw new BrokerError('CREDENTIALS_TAKEN', { device: id });
      await audit.append({ at: now, action: 'device.rotate', by, subject: `device:${id}`, outcome: 'rotated' });
      return credentials;
    },

    async connectedThrough(id, gateway) {
      await store.setLastGateway(id, gateway);
    },

    async remove(id, by) {
      const now = clock.now();
      if (!(await store.deleteDevice(id, now, by))) throw new BrokerError('DEVICE_NOT_FOUND', { device: id });
      await audit.append({ at: now, action: 'device.delete', by, subject: `device:${id}`, outcome: 'deleted' });
    },
  };
}
