import { ALARM_SEVERITIES, ALARM_STATUSES, type Alarm, type AlarmOriginator, describeAlarm } from '../model/alarm.ts';
import { ENTITY_TYPES, TENANT } from '../model/entity.ts';
import type { AssetId, CustomerId, DeviceId } from '../model/ids.ts';
import type { AdminDeps } from './deps.ts';
import type { JsonSchema } from './route.ts';
import { NO_CUSTOMER, object } from './wire.ts';

const string = { type: 'string' } as const;
const time = { type: 'integer', description: 'Milliseconds since 1970; 0 = never.' } as const;
const flag = { type: 'boolean' } as const;
const entityId = object({ entityType: string, id: string });
const alarm = {
  id: entityId,
  createdTime: time,
  tenantId: entityId,
  customerId: entityId,
  type: string,
  name: string,
  originator: object({ entityType: { enum: ENTITY_TYPES }, id: string }),
  severity: { enum: ALARM_SEVERITIES },
  status: { enum: ALARM_STATUSES },
  acknowledged: flag,
  cleared: flag,
  assigneeId: { anyOf: [entityId, { type: 'null' }] },
  startTs: time,
  endTs: time,
  ackTs: time,
  clearTs: time,
  assignTs: time,
  details: {},
  propagate: flag,
  propagateToOwner: flag,
  propagateToTenant: flag,
  propagateRelationTypes: { type: 'array', items: string },
} as const;
const text = { type: ['string', 'null'] } as const;
export const ALARM: JsonSchema = object(alarm);
export const ALARM_INFO: JsonSchema = object({
  ...alarm,
  originatorName: text,
  originatorLabel: text,
  originatorDisplayName: text,
  assignee: { anyOf: [object({ id: entityId, email: text }), { type: 'null' }] },
});

type NameDeps = Pick<AdminDeps, 'registry' | 'storage' | 'users'>;

/** An alarm with ThingsBoard's names and shapes. */
export const toAlarm = (one: Alarm) => ({ ...describeAlarm(one), tenantId: TENANT, customerId: NO_CUSTOMER });

/** The same with the names of its originator and assignee. */
export async function toAlarmInfo(one: Alarm, deps: NameDeps) {
  const { name, label } = await originatorNames(one.originator, deps);
  const user = one.assigneeId === undefined ? undefined : await deps.users.user(one.assigneeId);
  return {
    ...toAlarm(one),
    originatorName: name,
    originatorLabel: label,
    originatorDisplayName: label ?? name,
    assignee: user === undefined ? null : { id: { entityType: 'USER', id: user.id }, email: user.name },
  };
}

interface Names {
  readonly name: string | null;
  readonly label: string | null;
}

async function originatorNames({ entityType, id }: AlarmOriginator, { registry, storage }: NameDeps): Promise<Names> {
  switch (entityType) {
    case 'DEVICE': {
      const device = await registry.device(id as DeviceId);
      return { name: device?.name ?? null, label: device?.label ?? null };
    }
    case 'ASSET':
      return { name: (await storage.assets.asset(id as AssetId))?.name ?? null, label: null };
    case 'CUSTOMER':
      return { name: (await storage.customers.customer(id as CustomerId))?.title ?? null, label: null };
    case 'TENANT':
      return { name: 'Tenant', label: null };
  }
}
