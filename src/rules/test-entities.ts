import { ATTACHMENT_ASSETS, ATTACHMENT_RELATIONS } from '../model/attachment.ts';
import type { EntityId, Relation } from '../model/entity.ts';
import { ExactNumber, type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { Originator } from '../model/msg.ts';
import type { AttributeScope, Sample, TimedValue } from '../model/telemetry.ts';
import type { EntityContext, HistoryQuery } from './entity-context.ts';
import { NodeFailure } from './node-kind.ts';
import type { HeldPoint } from './test-attachments.ts';
import type { TestRegistry } from './test-registry.ts';
import { type EntityWorld, formatEntityName } from './test-world.ts';

/** Something of the chains' own making that happened to an entity; in a test nobody runs it. */
export interface RaisedEvent {
  readonly type: string;
  readonly originator: string;
  readonly data: JsonObject;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A relation by the names of its ends. */
export interface NamedRelation {
  readonly from: string;
  readonly type: string;
  readonly to: string;
}

/** What nodes left behind, by `formatEntityName`. */
export interface TestEntities extends EntityContext {
  readonly attributes: Map<string, Map<AttributeScope, JsonObject>>;
  readonly telemetry: Map<string, Sample[]>;
  readonly events: RaisedEvent[];
  /** In order of names. */
  namedRelations(): readonly NamedRelation[];
  /** Title of the customer that has it, by name. */
  readonly owners: Map<string, string>;
  /** Gives the keys whose value changed. */
  putAttributes(of: Originator, scope: AttributeScope, values: JsonObject): readonly string[];
}

/** The promises of `EntityContext` over maps. */
export function createTestEntities(
  given: EntityWorld,
  registry: TestRegistry,
  options: { readonly now: () => number; readonly held: () => readonly HeldPoint[] },
): TestEntities {
  const attributes = new Map<string, Map<AttributeScope, JsonObject>>();
  const telemetry = new Map<string, Sample[]>();
  const events: RaisedEvent[] = [];
  const owners = new Map<string, string>();
  let relations: Relation[] = [];
  const { now, held } = options;

  const nameOf = (of: EntityId): string => {
    const entity = registry.byId(of.id);
    return entity ? formatEntityName(entity) : '';
  };
  const putAttributes = (of: Originator, scope: AttributeScope, values: JsonObject): readonly string[] => {
    const name = formatEntityName(of);
    const scopes = attributes.get(name) ?? new Map<AttributeScope, JsonObject>();
    const former = scopes.get(scope) ?? {};
    scopes.set(scope, { ...former, ...values });
    attributes.set(name, scopes);
    return Object.keys(values).filter((key) => textOf(former, key) !== textOf(values, key));
  };
  const all = (): readonly Relation[] => [...relations, ...relationsOfAttachments(held(), registry)];
  const own = (end: EntityId, side: 'from' | 'to', type: string) => (one: Relation) =>
    one.type === type && same(one[side], end);

  for (const [text, scopes] of Object.entries(given.attributes ?? {})) {
    for (const [scope, values] of Object.entries(scopes))
      putAttributes(registry.named(text), scope as AttributeScope, values);
  }
  for (const [text, samples] of Object.entries(given.telemetry ?? {}))
    telemetry.set(
      formatEntityName(registry.named(text)),
      samples.map(({ ts, values }) => ({ ts: Number(ts), values })),
    );
  for (const { from, type, to } of given.relations ?? [])
    relations.push({ from: registry.named(from), type, to: registry.named(to) });
  for (const device of given.devices ?? []) if (device.customer) giveTo(registry.device(device.name), device.customer);
  for (const asset of given.assets ?? []) if (asset.customer) giveTo(registry.asset(asset.name), asset.customer);

  function giveTo(of: Originator, title: string): void {
    owners.set(formatEntityName(of), registry.customer(title).name);
  }

  return {
    attributes,
    telemetry,
    events,
    owners,
    putAttributes,
    namedRelations: () =>
      relations
        .map(({ from, type, to }) => ({ from: nameOf(from), type, to: nameOf(to) }))
        .sort((a, b) => (`${a.from} ${a.type} ${a.to}` < `${b.from} ${b.type} ${b.to}` ? -1 : 1)),
    async readAttributes(of, scope, keys) {
      const values = attributes.get(nameOf(of))?.get(scope) ?? {};
      const found = keys.filter((key) => Object.hasOwn(values, key));
      return new Map(found.map((key) => [key, { ts: now(), value: values[key] ?? null }]));
    },
    readLatest: async (of, keys) => latestOf(telemetry.get(nameOf(of)) ?? [], keys),
    readHistory: async (of, query) => historyOf(telemetry.get(nameOf(of)) ?? [], query),
    async readFields(of) {
      const entity = registry.byId(of.id);
      if (!entity) return undefined;
      const { id, name, profile } = entity;
      if (entity.entityType === 'CUSTOMER' || entity.entityType === 'TENANT') return { id, name, title: name };
      const label = entity.entityType === 'DEVICE' ? registry.label(name) : undefined;
      return { id, name, type: profile, label: label ?? null, createdTime: now() };
    },
    entity: async ({ id }) => registry.byId(id),
    findEntity: async (entityType, name) => registry.find(entityType, name),
    async relations(of, direction, { type, limit }) {
      const side = direction === 'FROM' ? 'from' : 'to';
      const far = side === 'from' ? 'to' : 'from';
      return all()
        .filter((one) => same(one[side], of) && (type === undefined || one.type === type))
        .sort((a, b) => (`${a.type} ${a[far].id}` < `${b.type} ${b[far].id}` ? -1 : 1))
        .slice(0, limit);
    },
    async customerOf(of) {
      if (of.entityType === 'CUSTOMER') return registry.byId(of.id);
      const title = owners.get(nameOf(of));
      return title === undefined ? undefined : registry.customer(title);
    },
    async ensureEntity({ entityType, name, profile }) {
      if (name.trim() === '') throw new NodeFailure(`cannot create a ${entityType}: the name is empty`);
      const found = registry.find(entityType, name);
      if (found) return found;
      if (entityType === 'ASSET' && ATTACHMENT_ASSETS.has(profile))
        throw new NodeFailure(`assets of the type ${profile} are made by suppliers and attachments only`);
      const made =
        entityType === 'DEVICE'
          ? registry.device(name, profile)
          : entityType === 'ASSET'
            ? registry.asset(name, profile)
            : registry.customer(name);
      const metadata = { entityName: name, entityType };
      const data = { id: { entityType, id: made.id }, name };
      events.push({ type: 'ENTITY_CREATED', originator: formatEntityName(made), data, metadata });
      return made;
    },
    async setRelation(relation, sole) {
      refuseAttachments(relation.type);
      const { from, type, to } = relation;
      if (!registry.byId(from.id) || !registry.byId(to.id)) return 'unknown';
      const wanted = (one: Relation): boolean => one.type === type && same(one.from, from) && same(one.to, to);
      if (sole !== undefined) {
        const rival = own(relation[sole], sole, type);
        relations = relations.filter((one) => wanted(one) || !rival(one));
      }
      if (relations.some(wanted)) return 'present';
      relations.push(relation);
      return 'added';
    },
    async removeRelation({ from, type, to }) {
      refuseAttachments(type);
      const left = relations.filter((one) => !(one.type === type && same(one.from, from) && same(one.to, to)));
      const removed = left.length < relations.length;
      relations = left;
      return removed;
    },
    async removeRelations(of, direction, type) {
      refuseAttachments(type);
      const gone = own(of, direction === 'FROM' ? 'from' : 'to', type);
      const left = relations.filter((one) => !gone(one));
      const count = relations.length - left.length;
      relations = left;
      return count;
    },
    async giveToCustomer(of, customer) {
      const name = formatEntityName(of);
      if (owners.get(name) === customer.name) return false;
      owners.set(name, customer.name);
      return true;
    },
    takeFromCustomer: async (of) => owners.delete(formatEntityName(of)),
    tellDeviceState(of, type) {
      events.push({ type, originator: formatEntityName(of), data: {}, metadata: {} });
    },
    async removeAttributes(msg, { scope, keys, event }) {
      const name = formatEntityName(msg.originator);
      const values = attributes.get(name)?.get(scope) ?? {};
      const removed = [...new Set(keys)].filter((key) => Object.hasOwn(values, key));
      const left = Object.fromEntries(Object.entries(values).filter(([key]) => !removed.includes(key)));
      if (removed.length > 0) attributes.get(name)?.set(scope, left);
      if (event && removed.length > 0)
        events.push({
          type: 'ATTRIBUTES_DELETED',
          originator: name,
          data: { attributes: removed },
          metadata: { scope },
        });
      return removed;
    },
  };
}

const same = (a: EntityId, b: EntityId): boolean => a.id === b.id && a.entityType === b.entityType;

const textOf = (values: JsonObject, key: string): string | undefined =>
  Object.hasOwn(values, key) ? stringifyJson(values[key] ?? null) : undefined;

function refuseAttachments(type: string): void {
  if (ATTACHMENT_RELATIONS.has(type))
    throw new NodeFailure(`relations of the type ${type} belong to attachments: use onboard/attach`);
}

/** As the broker keeps them: a supply point has no name that could be shown. */
function relationsOfAttachments(held: readonly HeldPoint[], registry: TestRegistry): readonly Relation[] {
  return held.flatMap(({ device, supplier, grid }) => {
    const to = registry.device(device);
    const supplies = { from: registry.asset(supplier, 'PowerSupplier'), type: 'Supplies', to };
    return grid === '' ? [supplies] : [supplies, { from: registry.asset(grid, 'Grid'), type: 'Feeds', to }];
  });
}

function latestOf(samples: readonly Sample[], keys: readonly string[]): ReadonlyMap<string, TimedValue> {
  const found = new Map<string, TimedValue>();
  for (const key of keys) {
    for (const { ts, values } of samples) {
      const former = found.get(key);
      if (Object.hasOwn(values, key) && (former === undefined || ts >= former.ts))
        found.set(key, { ts, value: values[key] ?? null });
    }
  }
  return found;
}

function historyOf(
  samples: readonly Sample[],
  { keys, startTs, endTs, limit, order, aggregation }: HistoryQuery,
): ReadonlyMap<string, readonly TimedValue[]> {
  const sorted = samples.filter(({ ts }) => ts >= startTs && ts < endTs).sort((a, b) => a.ts - b.ts);
  if (order === 'DESC') sorted.reverse();
  const found = new Map<string, readonly TimedValue[]>();
  for (const key of keys) {
    const points = sorted.flatMap(({ ts, values }) =>
      Object.hasOwn(values, key) ? [{ ts, value: values[key] ?? null }] : [],
    );
    if (points.length === 0) continue;
    const middle = startTs + Math.floor((endTs - startTs) / 2);
    if (aggregation === 'NONE') found.set(key, points.slice(0, limit));
    else found.set(key, [{ ts: middle, value: aggregated(points, aggregation) }]);
  }
  return found;
}

function aggregated(points: readonly TimedValue[], aggregation: Exclude<HistoryQuery['aggregation'], 'NONE'>): number {
  if (aggregation === 'COUNT') return points.length;
  const numbers = points.flatMap(({ value }) => (isNumber(value) ? [Number(value)] : []));
  const sum = numbers.reduce((total, one) => total + one, 0);
  if (aggregation === 'SUM') return sum;
  if (aggregation === 'AVG') return sum / numbers.length;
  return aggregation === 'MIN' ? Math.min(...numbers) : Math.max(...numbers);
}

const isNumber = (value: JsonValue): boolean => typeof value === 'number' || value instanceof ExactNumber;
