import { type EntityId, TENANT } from '../../model/entity.ts';
import type { Tables } from './environment.ts';
import { entityKey, newIdKey } from './keys.ts';

const TENANT_KEY = newIdKey(TENANT.id);

/** Whether the store has the entity. */
export function hasEntity({ devices, assets, customers }: Tables, entity: EntityId): boolean {
  const key = entityKey(entity)?.subarray(1);
  if (key === undefined) return false;
  switch (entity.entityType) {
    case 'DEVICE':
      return devices.has(key);
    case 'ASSET':
      return assets.has(key);
    case 'CUSTOMER':
      return customers.has(key);
    case 'TENANT':
      return key.equals(TENANT_KEY);
  }
}

/** Whether the id is that of an entity which is no device: these get their head with their first sample. */
export const isOtherEntity = ({ assets, customers }: Tables, id: Buffer): boolean =>
  assets.has(id) || customers.has(id) || TENANT_KEY.equals(id);

/** Whether anything of this id may have attributes and telemetry. */
export const isEntity = (tables: Tables, id: Buffer): boolean => tables.devices.has(id) || isOtherEntity(tables, id);
