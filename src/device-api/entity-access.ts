import { type EntityId, type Relation, TENANT } from '../model/entity.ts';
import type { AssetId, CustomerId, DeviceId } from '../model/ids.ts';
import type { Originator } from '../model/msg.ts';
import type { AttributeScope, TimedValue } from '../model/telemetry.ts';
import { nameProblem } from '../registry/registry.ts';
import { type Direction, type EntityContext, type HistoryQuery, NodeFailure } from '../rules/index.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';
import { aggregate } from '../telemetry/aggregate.ts';
import {
  customerOriginator,
  deviceOriginator,
  type EntityEvent,
  type EntityMakers,
  fieldsOf,
  makeEntity,
  TENANT_ORIGINATOR,
} from './entity-makers.ts';
import { refuseAttachments } from './entity-rules.ts';
import type { WriteFence } from './write-fence.ts';

/** Where entities and what belongs to them is kept. */
export interface EntityParts extends EntityMakers {
  readonly attributes: AttributeStore;
  readonly telemetry: TelemetryStore;
  readonly fence: WriteFence;
}

/** Entities as the nodes of any message see them; what belongs to one message alone is in `MessageContext`. */
export type EntityAccess = Omit<EntityContext, 'removeAttributes' | 'ensureEntity' | 'tellDeviceState'> & {
  ensureEntity(
    entity: Parameters<EntityContext['ensureEntity']>[0],
    raise: (event: EntityEvent) => void,
  ): Promise<Originator>;
};

export function createEntityAccess(parts: EntityParts): EntityAccess {
  const { registry, assets, customers, attributes, telemetry, audit, clock, fence } = parts;

  async function entity(id: EntityId): Promise<Originator | undefined> {
    switch (id.entityType) {
      case 'DEVICE': {
        const device = await registry.device(id.id as DeviceId);
        return device && deviceOriginator(device);
      }
      case 'ASSET': {
        const asset = await assets.asset(id.id as AssetId);
        return asset && { entityType: 'ASSET', id: asset.id, name: asset.name, profile: asset.type };
      }
      case 'CUSTOMER': {
        const customer = await customers.customer(id.id as CustomerId);
        return customer && customerOriginator(customer);
      }
      case 'TENANT':
        return id.id === TENANT.id ? TENANT_ORIGINATOR : undefined;
    }
  }

  const noteOwner = (action: string, of: Originator, by: string, facts: Readonly<Record<string, string>>) =>
    audit.append({
      at: clock.now(),
      action,
      by,
      subject: `${of.entityType.toLowerCase()}:${of.id}`,
      outcome: 'done',
      facts,
    });

  return {
    async readAttributes(of, scope: AttributeScope, keys) {
      await fence.passed(of.id);
      return attributes.read(of.id, scope, keys);
    },
    async readLatest(of, keys) {
      await fence.passed(of.id);
      return telemetry.latest(of.id, keys);
    },
    async readHistory(of, query) {
      await fence.passed(of.id);
      return readHistory(telemetry, of.id, query);
    },
    readFields: (of) => fieldsOf(of, parts),
    entity,
    async findEntity(entityType, name) {
      switch (entityType) {
        case 'DEVICE': {
          const device = await registry.deviceByName(name);
          return device && deviceOriginator(device);
        }
        case 'ASSET': {
          const [asset] = await assets.assetsByName(name);
          return asset && { entityType, id: asset.id, name: asset.name, profile: asset.type };
        }
        case 'CUSTOMER': {
          const customer = await customers.customerByTitle(name);
          return customer && customerOriginator(customer);
        }
        case 'TENANT':
          return TENANT_ORIGINATOR;
      }
    },
    async relations(of, direction, { type, limit }) {
      return direction === 'FROM' ? assets.relationsFrom(of, type, limit) : assets.relationsTo(of, type, limit);
    },
    async customerOf(of) {
      if (of.entityType === 'CUSTOMER') return entity(of);
      const id = await customers.customerOf(of.id);
      return id && entity({ entityType: 'CUSTOMER', id });
    },
    ensureEntity: (wanted, raise) => makeEntity(wanted, parts, raise),
    async setRelation(relation, sole) {
      refuseAttachments(relation);
      const problem = nameProblem(relation.type, 'type of the relation');
      if (problem) throw new NodeFailure(problem);
      return assets.setRelation(plain(relation), sole);
    },
    async removeRelation(relation) {
      refuseAttachments(relation);
      return assets.removeRelation(plain(relation));
    },
    async removeRelations(of: EntityId, direction: Direction, type: string) {
      refuseAttachments({ type });
      return assets.removeRelations(of, direction === 'FROM' ? 'from' : 'to', type);
    },
    async giveToCustomer(of, customer, by) {
      const given = await customers.give(of.id, customer.id as CustomerId);
      if (given === 'given') await noteOwner('entity.assign', of, by, { customer: customer.id });
      return given === 'given';
    },
    async takeFromCustomer(of, by) {
      const taken = await customers.unassign(of.id);
      if (taken) await noteOwner('entity.unassign', of, by, {});
      return taken;
    },
  };
}

/** Without what an originator knows of itself besides. */
const plain = ({ from, type, to }: Relation): Relation => ({
  from: { entityType: from.entityType, id: from.id },
  type,
  to: { entityType: to.entityType, id: to.id },
});

async function readHistory(
  telemetry: TelemetryStore,
  entityId: string,
  { aggregation, limit, order, ...range }: HistoryQuery,
): Promise<ReadonlyMap<string, readonly TimedValue[]>> {
  if (aggregation === 'NONE') return telemetry.range({ entityId, ...range, limit, order });
  const intervalMs = Math.max(1, range.endTs - range.startTs);
  return aggregate(telemetry, { entityId, ...range, intervalMs, aggregation, maxPoints: range.keys.length });
}
