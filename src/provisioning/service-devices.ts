import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Registry } from '../registry/registry.ts';
import { nameOfDevice } from '../registry/signed-secrets.ts';
import {
  formatItem,
  isObject,
  listOf,
  mustText,
  NOT_PERMITTED,
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
  readonly grants: ServiceGrants;
  /** Writes server attributes. */
  readonly saveAttributes: (id: DeviceId, values: JsonObject) => Promise<unknown>;
  readonly onCreated: (device: Device) => void;
  readonly onQuota: (what: { productKey: string; deviceKey: string; profile: string; address: string }) => void;
  readonly onRemoved: (id: DeviceId) => void;
}

const MAX_BATCH = 100;

/** Registration and removal of devices over EnOS' REST API (registration-protocols 1.3, step C). */
export function serviceDeviceOperations(parts: ServiceDeviceParts): ServiceOperations {
  const { registry, grants } = parts;

  const create = async (call: ServiceCall, body: JsonObject): Promise<ServiceResult> => {
    const productKey = mustText(body, 'productKey');
    const granted = grants.product(call, 'create', productKey);
    if (!granted) return NOT_PERMITTED;
    if (!call.secure && !granted.profile.listeners?.allowPlaintextProvisioning) {
      return refused('notPermitted', 'secrets are given over TLS only');
    }
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
        if (credentials.type !== 'SIGNED_SECRET')
          throw new BrokerError('INTERNAL', { detail: 'a device does not sign' });
        const { deviceSecret } = credentials;
        return { kind: 'done', data: { assetId: device.id, productKey, deviceKey, deviceSecret } };
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
    if (!isObject(item)) return refused('invalidArguments', 'deviceList must hold objects');
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
      parts.onRemoved(found.device.id);
      return { kind: 'done', data: null };
    },
  };
}
