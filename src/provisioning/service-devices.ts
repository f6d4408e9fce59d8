import { BrokerError } from '../errors.ts';
import type { Credentials, Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { LifeCycle } from '../registry/life-cycle.ts';
import type { Registry } from '../registry/registry.ts';
import { deviceKeyProblem, nameOfDevice } from '../registry/signed-secrets.ts';
import {
  formatItem,
  listOf,
  mayHear,
  mustText,
  NOT_PERMITTED,
  OVER_TLS_ONLY,
  refused,
  type ServiceCall,
  type ServiceOperations,
  type ServiceResult,
  WrongArgument,
} from './service-call.ts';
import { readFacts, readNewDevice } from './service-device-form.ts';
import { CREATED_BY, type ServiceGrants } from './service-grants.ts';

export interface ServiceDeviceParts {
  readonly registry: Pick<Registry, 'create' | 'update' | 'remove'>;
  readonly life: Pick<LifeCycle, 'disable' | 'enable' | 'replace'>;
  readonly grants: ServiceGrants;
  /** Writes server attributes. */
  readonly saveAttributes: (id: DeviceId, values: JsonObject) => Promise<unknown>;
  readonly onCreated: (device: Device) => void;
  readonly onQuota: (what: { productKey: string; deviceKey: string; profile: string; address: string }) => void;
  /** Its session must end. */
  /** A device may come again. */
  readonly onEnabled: (device: Device) => Promise<void>;
  readonly onEnded: (id: DeviceId, why: 'device-deleted' | 'device-disabled' | 'credentials-changed') => void;
}

const MAX_BATCH = 100;

/** Registration and removal of devices over EnOS' REST API (registration-protocols 1.3, step C). */
export function serviceDeviceOperations(parts: ServiceDeviceParts): ServiceOperations {
  const { registry, life, grants } = parts;

  const create = async (call: ServiceCall, body: JsonObject): Promise<ServiceResult> => {
    const productKey = mustText(body, 'productKey');
    const granted = grants.product(call, 'create', productKey);
    if (!granted) return NOT_PERMITTED;
    if (!mayHear(call, granted.profile)) return OVER_TLS_ONLY;
    const { profile, thing } = granted;
    const { deviceKey, label, facts } = readNewDevice(body, thing);
    const { quota } = profile.provision;
    const created = await registry.create({
      name: nameOfDevice(thing, deviceKey),
      profile: profile.name,
      label,
      credentials: { type: 'SIGNED_SECRET', productKey, deviceKey, deviceSecret: '' },
      state: 'issued',
      serverAttributes: { ...facts, [CREATED_BY]: call.account.accessKey },
      by: `service-account:${call.account.name}`,
      ...(quota === undefined ? {} : { profileQuota: quota }),
    });
    switch (created.kind) {
      case 'created': {
        parts.onCreated(created.device);
        const { credentials, device } = created;
        return { kind: 'done', data: { assetId: device.id, productKey, deviceKey, ...secretIn(credentials) } };
      }
      case 'quota-reached':
        parts.onQuota({ productKey, deviceKey, profile: profile.name, address: call.address });
        return refused('quotaReached', 'the product holds no more devices');
      default:
        return refused('deviceExists', 'the deviceKey exists');
    }
  };

  /** One item of a batch: what is wrong with it does not touch the others. */
  const createOne = async (call: ServiceCall, item: JsonValue): Promise<ServiceResult> => {
    if (!isJsonObject(item)) return refused('invalidArguments', 'deviceList must hold objects');
    return create(call, item).catch((error: unknown) => {
      if (error instanceof WrongArgument) return error.refusal;
      throw error;
    });
  };

  return {
    create: (call) => create(call, call.body),

    async batchCreate(call) {
      const items = listOf(call.body, 'deviceList', MAX_BATCH);
      const data: JsonObject[] = [];
      // One after the other: of two items of one name the first is the one.
      for (const item of items) data.push(formatItem(await createOne(call, item)));
      const successSize = data.filter(({ code }) => code === 0).length;
      return { kind: 'done', data, more: { successSize, totalSize: items.length } };
    },

    async update(call) {
      const found = await grants.device(call, 'update');
      if (found.kind === 'refused') return found;
      const { label, facts } = readFacts(call.body);
      if (label !== undefined) {
        await registry.update(found.device.id, { label }, `service-account:${call.account.name}`);
      }
      if (Object.keys(facts).length > 0) await parts.saveAttributes(found.device.id, facts);
      return { kind: 'done', data: null };
    },

    async delete(call) {
      const found = await grants.device(call, 'delete');
      if (found.kind === 'refused') return found;
      await registry.remove(found.device.id, `service-account:${call.account.name}`);
      parts.onEnded(found.device.id, 'device-deleted');
      return { kind: 'done', data: null };
    },

    async disable(call) {
      const found = await grants.device(call, 'disable');
      if (found.kind === 'refused') return found;
      await life.disable(found.device.id, `service-account:${call.account.name}`);
      parts.onEnded(found.device.id, 'device-disabled');
      return { kind: 'done', data: null };
    },

    async enable(call) {
      const found = await grants.device(call, 'enable');
      if (found.kind === 'refused') return found;
      await parts.onEnabled(await life.enable(found.device.id, `service-account:${call.account.name}`));
      return { kind: 'done', data: null };
    },

    /** Another unit with a key of its own takes the device's place. */
    async replace(call) {
      const found = await grants.device(call, 'replace');
      if (found.kind === 'refused') return found;
      const { thing, profile, device } = found;
      if (!mayHear(call, profile)) return OVER_TLS_ONLY;
      const deviceKey = mustText(call.body, 'newDeviceKey');
      const problem = deviceKeyProblem(thing, deviceKey);
      if (problem !== undefined) throw new WrongArgument('newDeviceKey', `cannot be used: ${problem}`);
      const { productKey } = thing;
      const replaced = await life.replace(device.id, {
        name: nameOfDevice(thing, deviceKey),
        credentials: { type: 'SIGNED_SECRET', productKey, deviceKey, deviceSecret: '' },
        by: `service-account:${call.account.name}`,
      });
      parts.onEnded(device.id, 'credentials-changed');
      return { kind: 'done', data: { assetId: device.id, productKey, deviceKey, ...secretIn(replaced.credentials) } };
    },
  };
}

function secretIn(credentials: Credentials): { readonly deviceSecret: string } {
  if (credentials.type === 'SIGNED_SECRET') return { deviceSecret: credentials.deviceSecret };
  throw new BrokerError('INTERNAL', { detail: 'a device of a product does not sign' });
}
