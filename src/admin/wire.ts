import type { Attachment, AttachmentHistoryEntry } from '../model/attachment.ts';
import type { Device } from '../model/device.ts';
import { type Asset, type Page, type Relation, TENANT } from '../model/entity.ts';
import { profileIdOf } from '../model/ids.ts';
import { formatSubtree } from '../model/tree.ts';
import type { ApiKey } from '../storage/record-stores.ts';
import type { Supplier } from '../storage/supplier-store.ts';
import type { JsonSchema } from './route.ts';

// ThingsBoard's objects have its names and shapes; times are milliseconds since 1970.

/** ThingsBoard's id of nothing: its clients look for a customer even where there is none. */
export const NO_CUSTOMER = { entityType: 'CUSTOMER', id: '13814000-1dd2-11b2-8080-808080808080' } as const;

export const toDevice = ({
  id,
  name,
  profile,
  label,
  gateway,
  overwriteActivityTime,
  lastConnectedGateway,
  info,
  createdAt,
}: Device) => ({
  id: { entityType: 'DEVICE', id },
  createdTime: createdAt,
  name,
  tenantId: TENANT,
  customerId: NO_CUSTOMER,
  type: profile,
  deviceProfileId: { entityType: 'DEVICE_PROFILE', id: profileIdOf(profile) },
  label: label ?? null,
  additionalInfo: {
    ...info,
    ...(gateway ? { gateway: true } : {}),
    ...(overwriteActivityTime ? { overwriteActivityTime: true } : {}),
    ...(lastConnectedGateway === undefined ? {} : { lastConnectedGateway }),
  },
});

export const toAsset = ({ id, type, name, createdAt }: Asset) => ({
  id: { entityType: 'ASSET', id },
  createdTime: createdAt,
  tenantId: TENANT,
  customerId: NO_CUSTOMER,
  name,
  type,
});

export const toRelation = ({ from, to, type }: Relation) => ({ from, to, type, typeGroup: 'COMMON' });

/** Without the hashes of its keys. */
export const toSupplier = ({ asset, keys }: Supplier) => ({
  id: asset.id,
  name: asset.name,
  createdTime: asset.createdAt,
  keys: keys.map(({ kid, notBefore, notAfter }) => ({ kid, notBefore, notAfter })),
});

export const toApiKey = ({ id, name, role, supplierId, subtree, topics, calls, createdAt, expiresAt }: ApiKey) => ({
  id,
  name,
  role,
  supplierId,
  subtree: subtree && formatSubtree(subtree),
  subscribe: topics?.subscribe,
  publish: topics?.publish,
  calls,
  createdTime: createdAt,
  expiresAt,
});

export const toAttachment = ({ device, supplier, supplyPoint, grid, since }: Attachment) => ({
  device: { id: device.id, name: device.name },
  supplier: { id: supplier.id, name: supplier.name },
  supplyPoint: supplyPoint.stem,
  scheme: supplyPoint.scheme,
  suffix: supplyPoint.suffix,
  grid: { id: grid.id, name: grid.name, code: grid.code },
  since,
});

export const toHistoryEntry = ({ event, at, by, attachment }: AttachmentHistoryEntry) => ({
  event,
  at,
  by,
  ...toAttachment(attachment),
  until: event === 'ended' || event === 'moved-out' ? at : undefined,
});

export const toPage = <T, W>(page: Page<T>, turn: (item: T) => W) => ({
  data: page.data.map(turn),
  totalElements: page.totalElements,
  hasNext: page.hasNext,
});

/** ThingsBoard's pages count themselves. */
export const toCountedPage = <T, W>(page: Page<T>, pageSize: number, turn: (item: T) => W) => ({
  data: page.data.map(turn),
  totalPages: Math.ceil(page.totalElements / pageSize),
  totalElements: page.totalElements,
  hasNext: page.hasNext,
});

/** A list that is always whole, in the shape of a page. */
export const wholePage = <W>(data: readonly W[]) => ({ data, totalElements: data.length, hasNext: false });

const string = { type: 'string' } as const;
const time = { type: 'integer', description: 'Milliseconds since 1970.' } as const;

/** Object schema of an answer; names that end in `?` may be absent. */
export function object(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const plain = Object.entries(properties).map(([name, schema]) => [name.replace(/\?$/, ''), schema] as const);
  const required = Object.keys(properties).filter((name) => !name.endsWith('?'));
  return { type: 'object', properties: Object.fromEntries(plain), required };
}

export const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });

export const pageOf = (items: JsonSchema): JsonSchema =>
  object({ data: list(items), totalElements: { type: 'integer' }, hasNext: { type: 'boolean' } });

export const countedPageOf = (items: JsonSchema): JsonSchema =>
  object({
    data: list(items),
    totalPages: { type: 'integer' },
    totalElements: { type: 'integer' },
    hasNext: { type: 'boolean' },
  });

const entityId = object({ entityType: string, id: string });
const named = object({ id: string, name: string });

export const NO_CONTENT = { type: 'null', description: 'Done; no body.' } as const satisfies JsonSchema;
export const ANY_OBJECT = { type: 'object' } as const satisfies JsonSchema;

export const DEVICE = object({
  id: entityId,
  createdTime: time,
  name: string,
  tenantId: entityId,
  customerId: entityId,
  'firmwareId?': { anyOf: [entityId, { type: 'null' }] },
  'softwareId?': { anyOf: [entityId, { type: 'null' }] },
  type: { ...string, description: 'Name of the device profile.' },
  deviceProfileId: entityId,
  label: { type: ['string', 'null'] },
  additionalInfo: ANY_OBJECT,
});
export const ASSET = object({ id: entityId, createdTime: time, name: string, type: string });
export const RELATION = object({ from: entityId, to: entityId, type: string, typeGroup: string });
export const SUPPLIER = object({
  id: string,
  name: string,
  createdTime: time,
  keys: list(object({ kid: string, notBefore: time, 'notAfter?': time })),
});
export const SUPPLIER_WITH_KEY = object({
  id: string,
  name: string,
  secretKey: { ...string, description: 'Shown this once.' },
  'previousKeyUntil?': time,
});
const apiKey = {
  id: string,
  name: string,
  role: string,
  'supplierId?': string,
  'subtree?': string,
  'subscribe?': list(string),
  'publish?': list(string),
  'calls?': list(string),
  createdTime: time,
  'expiresAt?': time,
};
export const API_KEY = object(apiKey);
export const API_KEY_WITH_SECRET = object({ ...apiKey, secretKey: string });
const attachment = {
  device: named,
  supplier: named,
  supplyPoint: { ...string, description: 'Canonical code without suffix.' },
  scheme: string,
  'suffix?': string,
  grid: object({ id: string, name: string, code: string }),
  since: time,
};
export const ATTACHMENT = object(attachment);
export const HISTORY_ENTRY = object({ event: string, at: time, by: string, ...attachment, 'until?': time });
