import type { EntityId, Relation } from '../../model/entity.ts';
import type { Tables } from './environment.ts';
import { closedUtf8, entityKey, entityOf, ID_BYTES, joinKey, prefixEnd } from './keys.ts';
import { NOTHING } from './records.ts';

const ENTITY_BYTES = 1 + ID_BYTES;
const KEYS_PER_STEP = 1000;

/** Both directions of a relation: `end, type, NUL, other end`, so that each end lists its own by type, then peer. */
function keysOf(relation: Relation): { readonly from: Buffer; readonly to: Buffer } | undefined {
  const from = entityKey(relation.from);
  const to = entityKey(relation.to);
  if (from === undefined || to === undefined) return undefined;
  const type = closedUtf8(relation.type);
  return { from: joinKey(from, type, to), to: joinKey(to, type, from) };
}

/** Whether the store has the entity. */
function exists({ devices, assets }: Tables, entity: EntityId): boolean {
  const key = entityKey(entity)?.subarray(1);
  return key !== undefined && (entity.entityType === 'DEVICE' ? devices : assets).has(key);
}

/** False when it existed or one of its ends does not. */
export function putRelation(tables: Tables, relation: Relation): boolean {
  const keys = keysOf(relation);
  if (keys === undefined || tables.relationsFrom.has(keys.from)) return false;
  if (!exists(tables, relation.from) || !exists(tables, relation.to)) return false;
  tables.relationsFrom.put(keys.from, NOTHING);
  tables.relationsTo.put(keys.to, NOTHING);
  return true;
}

export function dropRelation(tables: Tables, relation: Relation): boolean {
  const keys = keysOf(relation);
  if (keys === undefined || !tables.relationsFrom.remove(keys.from)) return false;
  tables.relationsTo.remove(keys.to);
  return true;
}

export function listRelations(
  tables: Tables,
  end: EntityId,
  direction: 'from' | 'to',
  type?: string,
): readonly Relation[] {
  const key = entityKey(end);
  if (key === undefined) return [];
  const prefix = type === undefined ? key : joinKey(key, closedUtf8(type));
  const table = direction === 'from' ? tables.relationsFrom : tables.relationsTo;
  const relations: Relation[] = [];
  for (const found of table.keys({ from: prefix, to: prefixEnd(prefix) })) relations.push(relationOf(found, direction));
  return relations;
}

function relationOf(key: Buffer, direction: 'from' | 'to'): Relation {
  const near = entityOf(key, 0);
  const far = entityOf(key, key.length - ENTITY_BYTES);
  const type = key.toString('utf8', ENTITY_BYTES, key.length - ENTITY_BYTES - 1);
  return direction === 'from' ? { from: near, type, to: far } : { from: far, type, to: near };
}

/** Removes every relation from and to the entity, in steps of bounded memory. */
export function dropRelationsOf(tables: Tables, entity: EntityId): void {
  const prefix = entityKey(entity);
  if (prefix === undefined) return;
  for (const direction of ['from', 'to'] as const) {
    const table = direction === 'from' ? tables.relationsFrom : tables.relationsTo;
    const span = { from: prefix, to: prefixEnd(prefix), limit: KEYS_PER_STEP };
    for (let keys = [...table.keys(span)]; keys.length > 0; keys = [...table.keys(span)]) {
      for (const key of keys) dropRelation(tables, relationOf(key, direction));
    }
  }
}
