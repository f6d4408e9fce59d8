import { type Device, type DeviceState, stateOf } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { ThingProfile } from '../profiles/index.ts';
import type { Registry } from '../registry/registry.ts';
import { deviceKeyOf } from '../registry/signed-secrets.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import {
  mayHear,
  mustText,
  NOT_PERMITTED,
  OVER_TLS_ONLY,
  objectOf,
  type ServiceOperations,
  textOf,
  WrongArgument,
  wholeOf,
} from './service-call.ts';
import type { ServiceGrants } from './service-grants.ts';

export interface ServiceQueryParts {
  readonly registry: Pick<Registry, 'devices'>;
  readonly grants: ServiceGrants;
  readonly attributes: Pick<AttributeStore, 'read'>;
  readonly isOnline: (id: DeviceId) => Promise<boolean>;
  readonly hash: Pick<KeyedHash, 'open'>;
}

const MAX_PAGE_SIZE = 100;
const MAX_PAGE_NO = 1_000_000;
const FACTS = ['timezone', 'deviceName', 'deviceDesc', 'deviceAttributes', 'deviceTags'] as const;

/** Reading of devices over EnOS' REST API. Only `get` gives the secret: with it an app recovers a creation that went amiss. */
export function serviceQueryOperations(parts: ServiceQueryParts): ServiceOperations {
  const { registry, grants, attributes, isOnline, hash } = parts;

  const describe = async (device: Device, thing: ThingProfile, deviceKey: string): Promise<JsonObject> => {
    const stored = await attributes.read(device.id, 'SERVER_SCOPE', FACTS);
    const facts = FACTS.flatMap((name) => {
      const value = stored.get(name)?.value;
      return value === undefined ? [] : [[name, value] as const];
    });
    return {
      orgId: thing.orgId ?? '',
      assetId: device.id,
      productKey: thing.productKey,
      deviceKey,
      deviceName: { defaultValue: device.label ?? device.name },
      ...Object.fromEntries(facts),
      status: statusOf(stateOf(device), await isOnline(device.id)),
      createTime: device.createdAt,
    };
  };

  return {
    async get(call) {
      const found = await grants.device(call, 'get', 'get-own');
      if (found.kind === 'refused') return found;
      const { device, thing, signing, profile } = found;
      if (!mayHear(call, profile)) return OVER_TLS_ONLY;
      const facts = await describe(device, thing, signing.deviceKey);
      return { kind: 'done', data: { ...facts, deviceSecret: hash.open(signing.secret) ?? '' } };
    },

    async search(call) {
      const productKey = call.query.get('productKey') || mustText(call.body, 'productKey');
      const granted = grants.product(call, 'search', productKey);
      if (!granted) return NOT_PERMITTED;
      const pagination = objectOf(call.body, 'pagination', 10) ?? {};
      const pageNo = wholeOf(pagination, 'pageNo', { min: 1, max: MAX_PAGE_NO, fallback: 1 });
      const pageSize = wholeOf(pagination, 'pageSize', { min: 1, max: MAX_PAGE_SIZE, fallback: 10 });
      if (textOf(call.body, 'expression', 1_024) !== undefined) {
        throw new WrongArgument('expression', 'is not known here: give deviceKey, a part of it');
      }
      const textSearch = textOf(call.body, 'deviceKey');
      const { thing, profile } = granted;
      const page = await registry.devices({
        profile: profile.name,
        page: pageNo - 1,
        pageSize,
        ...(textSearch === undefined ? {} : { textSearch }),
      });
      const data: JsonObject[] = [];
      for (const device of page.data) data.push(await describe(device, thing, deviceKeyOf(thing, device.name)));
      return { kind: 'done', data, more: { pagination: { pageNo, pageSize, totalSize: page.totalElements } } };
    },
  };
}

function statusOf(state: DeviceState, online: boolean): string {
  switch (state) {
    case 'registered':
    case 'issued':
      return 'inactive';
    case 'disabled':
    case 'retired':
      return 'disable';
    case 'active':
      return online ? 'online' : 'offline';
  }
}
