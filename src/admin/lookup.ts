import { customerOriginator, deviceOriginator, TENANT_ORIGINATOR } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import type { SupplyPoint } from '../model/attachment.ts';
import type { Device } from '../model/device.ts';
import { type EntityType, TENANT } from '../model/entity.ts';
import {
  type AssetId,
  type CustomerId,
  type DeviceId,
  parseAssetId,
  parseDeviceId,
  parseUuid,
  profileIdOf,
} from '../model/ids.ts';
import type { Originator } from '../model/msg.ts';
import { normaliseSupplyPoint, supplyPointSchemeIds } from '../model/supply-point/index.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import { integer, text } from '../schema/fields.ts';
import type { Supplier } from '../storage/supplier-store.ts';
import type { AdminDeps } from './deps.ts';

export const MAX_PAGE_SIZE = 1_000;

/** `page` and `pageSize`, ThingsBoard's words. */
export const pageFields = {
  page: integer('Which page, from 0.', { minimum: 0, maximum: 1_000_000_000, default: 0 }),
  pageSize: integer('Entries a page.', { minimum: 1, maximum: MAX_PAGE_SIZE, default: 100 }),
};

export const idParam = { id: text('UUID.') };

function notUuid(field: string): BrokerError {
  return new BrokerError('BAD_REQUEST', { field, detail: `"${field}" is not a UUID` });
}

export function uuidOf(id: string, field = 'id'): string {
  const uuid = parseUuid(id);
  if (uuid === undefined) throw notUuid(field);
  return uuid;
}

export function assetIdOf(id: string): AssetId {
  const assetId = parseAssetId(id);
  if (assetId === undefined) throw notUuid('id');
  return assetId;
}

/** The device of a UUID. Throws BAD_REQUEST, DEVICE_NOT_FOUND. */
export async function deviceOf(id: string, { registry }: Pick<AdminDeps, 'registry'>): Promise<Device> {
  const deviceId = parseDeviceId(id);
  if (deviceId === undefined) throw notUuid('id');
  const device = await registry.device(deviceId);
  if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { device: deviceId });
  return device;
}

/** Something that has attributes and telemetry; `device` when it is one. */
export interface DataOwner {
  readonly entityType: EntityType;
  readonly id: string;
  readonly device?: Device;
  readonly originator: Originator;
}

/** The entity of a type and a UUID. Throws BAD_REQUEST, DEVICE_NOT_FOUND, NOT_FOUND. */
export async function dataOwnerOf(
  entityType: EntityType,
  text: string,
  deps: Pick<AdminDeps, 'registry' | 'storage'>,
): Promise<DataOwner> {
  if (entityType === 'DEVICE') {
    const device = await deviceOf(text, deps);
    return { entityType, id: device.id, device, originator: deviceOriginator(device) };
  }
  const id = uuidOf(text);
  const { assets, customers } = deps.storage;
  if (entityType === 'ASSET') {
    const asset = await assets.asset(id as AssetId);
    if (asset) return { entityType, id, originator: { entityType, id, name: asset.name, profile: asset.type } };
  } else if (entityType === 'CUSTOMER') {
    const customer = await customers.customer(id as CustomerId);
    if (customer) return { entityType, id, originator: customerOriginator(customer) };
  } else if (id === TENANT.id) return { entityType, id, originator: TENANT_ORIGINATOR };
  throw new BrokerError('NOT_FOUND', { field: 'id' });
}

/** The device with this id or name, or undefined. */
export async function findDevice(ref: string, { registry }: Pick<AdminDeps, 'registry'>): Promise<Device | undefined> {
  const id = parseDeviceId(ref);
  return (id && (await registry.device(id))) ?? registry.deviceByName(ref);
}

/** Id of a device that may be gone already: a UUID stands for itself. Throws DEVICE_NOT_FOUND. */
export async function deviceIdOf(ref: string, deps: Pick<AdminDeps, 'registry'>): Promise<DeviceId> {
  const found = (await findDevice(ref, deps))?.id ?? parseDeviceId(ref);
  if (found === undefined) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'device' });
  return found;
}

/** The supplier with this id or name, or undefined. */
export async function findSupplier(
  ref: string,
  { suppliers }: Pick<AdminDeps, 'suppliers'>,
): Promise<Supplier | undefined> {
  const id = parseAssetId(ref);
  return (id && (await suppliers.supplier(id))) ?? suppliers.supplierByName(ref);
}

/** The profile whose id follows from its name; undefined when there is none. */
export function profileWithId(id: string, { profiles }: Pick<AdminDeps, 'profiles'>): DeviceProfile | undefined {
  const wanted = id.toLowerCase();
  return profiles()
    .all()
    .find(({ name }) => profileIdOf(name) === wanted);
}

/** Id of the supplier that a request names, if it names one. Throws SUPPLIER_NOT_FOUND. */
export async function supplierIdOf(
  ref: string | undefined,
  deps: Pick<AdminDeps, 'suppliers'>,
): Promise<{ readonly supplierId?: AssetId }> {
  if (ref === undefined) return {};
  const supplier = await findSupplier(ref, deps);
  if (!supplier) throw new BrokerError('SUPPLIER_NOT_FOUND', { field: 'supplier' });
  return { supplierId: supplier.asset.id };
}

/** The canonical supply point of any spelling, under every scheme. The error names what is wrong, never the code given. */
export function supplyPointOf(given: string): SupplyPoint & { readonly operator?: string } {
  const [first = 'es-cups', ...others] = supplyPointSchemeIds;
  const result = normaliseSupplyPoint(given, [first, ...others]);
  if (!result.ok) {
    const detail = `not a supply point code (${result.code})${result.hint ? `: ${result.hint}` : ''}`;
    throw new BrokerError('BAD_REQUEST', { field: 'supplyPoint', detail });
  }
  const { key, stem, suffix, operator } = result;
  return {
    scheme: key.scheme,
    stem,
    ...(suffix === undefined ? {} : { suffix }),
    ...(operator === undefined ? {} : { operator }),
  };
}
