import { TENANT } from '../model/entity.ts';
import { type AssetId, type DeviceId, parseAssetId, parseDeviceId } from '../model/ids.ts';
import type { DeviceOriginator, EntityOriginator, Originator } from '../model/msg.ts';
import { type EntityWorld, formatEntityName, parseEntityName } from './test-world.ts';

const DEFAULT_PROFILE = 'default';
const KINDS = { ASSET: 0, DEVICE: 1, CUSTOMER: 2 } as const;

/** Who is there in an offline test: made by name when first named, with ids that are the same in every run. */
export interface TestRegistry {
  device(name: string, profile?: string): DeviceOriginator;
  asset(name: string, type?: string): EntityOriginator & { readonly id: AssetId };
  customer(title: string): EntityOriginator;
  readonly tenant: EntityOriginator;
  /** Of a name as tests write it; made when it is not there. */
  named(text: string): Originator;
  find(entityType: Originator['entityType'], name: string): Originator | undefined;
  byId(id: string): Originator | undefined;
  label(device: string): string | undefined;
}

export function createTestRegistry({ devices = [], assets = [], customers = [] }: EntityWorld): TestRegistry {
  const byName = new Map<string, Originator>();
  const byId = new Map<string, Originator>();
  const labels = new Map<string, string>();
  const counts = { ASSET: 0, DEVICE: 0, CUSTOMER: 0 };
  const tenant: EntityOriginator = { ...TENANT, name: 'Tenant', profile: '' };
  byId.set(tenant.id, tenant);

  const keyOf = (entityType: Originator['entityType'], name: string): string => formatEntityName({ entityType, name });
  const add = <T extends Originator>(entity: T): T => {
    byName.set(keyOf(entity.entityType, entity.name), entity);
    byId.set(entity.id, entity);
    return entity;
  };
  const known = <T extends Originator>(entityType: T['entityType'], name: string): T | undefined =>
    byName.get(keyOf(entityType, name)) as T | undefined;
  const nextId = (type: keyof typeof KINDS): string => uuid(KINDS[type], ++counts[type]);

  const registry: TestRegistry = {
    tenant,
    device: (name, profile = DEFAULT_PROFILE) =>
      known<DeviceOriginator>('DEVICE', name) ??
      add({ entityType: 'DEVICE', id: parseDeviceId(nextId('DEVICE')) as DeviceId, name, profile }),
    asset: (name, type = DEFAULT_PROFILE) =>
      known<EntityOriginator & { readonly id: AssetId }>('ASSET', name) ??
      add({ entityType: 'ASSET', id: parseAssetId(nextId('ASSET')) as AssetId, name, profile: type }),
    customer: (title) =>
      known<EntityOriginator>('CUSTOMER', title) ??
      add({ entityType: 'CUSTOMER', id: nextId('CUSTOMER'), name: title, profile: '' }),
    named(text) {
      const { entityType, name } = parseEntityName(text);
      if (entityType === 'TENANT') return tenant;
      if (entityType === 'ASSET') return registry.asset(name);
      return entityType === 'CUSTOMER' ? registry.customer(name) : registry.device(name);
    },
    find: (entityType, name) => (entityType === 'TENANT' ? tenant : known(entityType, name)),
    byId: (id) => byId.get(id),
    label: (device) => labels.get(device),
  };
  for (const { name, profile, label } of devices) {
    registry.device(name, profile);
    if (label !== undefined) labels.set(name, label);
  }
  for (const { name, type } of assets) registry.asset(name, type);
  for (const title of customers) registry.customer(title);
  return registry;
}

const uuid = (kind: number, serial: number): string =>
  `00000000-0000-7000-800${kind}-${String(serial).padStart(12, '0')}`;
