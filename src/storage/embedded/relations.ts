import { BrokerError } from '../../errors.ts';
import type { EntityId, Relation } from '../../model/entity.ts';
import { hasEntity } from './entities.ts';
import type { Tables } from './environment.ts';
import { closedUtf8, entityKey, entityOf, ID_BYTES, joinKey, prefixEnd } from './keys.ts';
import { NOTHING } from './records.ts';

const ENTITY_BYTES = 1 + ID_BYTES;
const KEYS_PER_STEP = 1000;
/** Relations that one step may remove: some 50 ms of the event loop. */
const MAX_REMOVED = 10_000;

/** Both directions of a relation: `end, type, NUL, other end`, so that each end lists its own by type, then peer. */
function keysOf(relation: Relation): { readonly from: Buffer; readonly to: Buffer } | undefined {
  const from = entityKey(relation.from);
  const to = entityKey(relation.to);
  if (from === undefined || to === undefined) return undefined;
  const type = closedUtf8(relation.type);
  return { from: joinKey(from, type, to), to: joinKey(to, type, from) };
}

/** False when it existed or one of its ends does not. */
export function putRelation(tables: Tables, relation: Relation): boolean {
  const keys = keysOf(relation);
  if (keys === undefined || tables.relationsFrom.has(keys.from)) return false;
  if (!hasEntity(tables, relation.from) || !hasEntity(tables, relation.to)) return false;
  tables.relationsFrom.put(keys.from, NOTHING);
  tables.relationsTo.put(keys.to, NOTHING);
  return true;
}

/** The port's step of the same name. */
export function setRelation(
  tables: Tables,
  relation: Relation,
  sole: 'from' | 'to' | undefined,
): 'added' | 'present' | 'unknown' {
  if (!hasEntity(tables, relation.from) || !hasEntity(tables, relation.to)) return 'unknown';
  if (sole !== undefined) {
    const far = sole === 'from' ? 'to' : 'from';
    for (const other of removable(tables, relation[sole], sole, relation.type)) {
      const same = other[far].id === relation[far].id && other[far].entityType === relation[far].entityType;
      if (!same) dropRelation(tables, other);
    }
  }
  return putRelation(tables, relation) ? 'added' : 'present';
}

/** The relations of a type at one end, when they are not too many for one step. */
export function removable(tables: Tables, end: EntityId, side: 'from' | 'to', type: string): readonly Relation[] {
  const found = listRelations(tables, end, side, { type, limit: MAX_REMOVED + 1 });
  if (found.length <= MAX_REMOVED) return found;
  throw new BrokerError('BAD_REQUEST', { detail: `More than ${MAX_REMOVED} relations would be removed in one step.` });
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
  { type, limit }: { readonly type?: string | undefined; readonly limit?: number | undefined } = {},
): readonly Relation[] {
  const key = entityKey(end);
  if (key === undefined) return [];
  const prefix = type === undefined ? key : joinKey(key, closedUtf8(type));
  const table = direction === 'from' ? tables.relationsFrom : tables.relationsTo;
  const relations: Relation[] = [];
  const span = { from: prefix, to: prefixEnd(prefix), ...(limit === undefined ? {} : { limit }) };
  for (const found of table.keys(span)) relations.push(relationOf(found, direction));
  return relations;
}

export function relationOf(key: Buffer, direction: 'from' | 'to'): Relation {
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
