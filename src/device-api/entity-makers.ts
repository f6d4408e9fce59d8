import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import { type EntityId, TENANT } from '../model/entity.ts';
import { type AssetId, type CustomerId, type DeviceId, newAssetId, newCustomerId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { DeviceOriginator, EntityOriginator, Originator } from '../model/msg.ts';
import type { ProfileSet } from '../profiles/index.ts';
import { nameProblem, type Registry } from '../registry/registry.ts';
import { type ALARM_RULES_DUE, type EntityContext, NodeFailure, type SOURCE_TICK } from '../rules/index.ts';
import type { AssetStore } from '../storage/asset-store.ts';
import type { Customer, CustomerStore } from '../storage/customer-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { refuseAttachmentAsset } from './entity-rules.ts';

export interface EntityMakers {
  readonly registry: Pick<Registry, 'create' | 'device' | 'deviceByName'>;
  readonly profiles: () => ProfileSet;
  readonly assets: AssetStore;
  readonly customers: CustomerStore;
  readonly audit: AuditStore;
  readonly clock: Clock;
}

type AlarmEventType = 'ALARM_CLEAR' | 'ALARM_ACK' | 'ALARM_ASSIGNED' | 'ALARM_UNASSIGNED' | 'ALARM_DELETE';

/** A message for the chains that no device sent: of their own making, or of the management API. */
export interface EntityEvent {
  readonly type:
    | AlarmEventType
    | typeof ALARM_RULES_DUE
    | typeof SOURCE_TICK
    | 'REST_API_REQUEST'
    | 'PROVISION_REQUEST'
    | 'PROVISION_FAILURE'
    | 'PROVISION_REPEAT'
    | 'ALLOWLIST_MISS'
    | 'QUOTA_EXCEEDED'
    | 'RATE_LIMITED'
    | 'ENTITY_CREATED'
    | 'ATTRIBUTES_UPDATED'
    | 'ATTRIBUTES_DELETED'
    | 'TIMESERIES_UPDATED'
    | 'TIMESERIES_DELETED'
    | 'RELATION_ADD_OR_UPDATE';
  readonly originator: Originator;
  readonly data: JsonObject;
  readonly metadata: Readonly<Record<string, string>>;
}

export const deviceOriginator = ({ id, name, profile }: Device): DeviceOriginator => ({
  entityType: 'DEVICE',
  id,
  name,
  profile,
});

/** A device was registered, whoever did it. */
export function createdEvent(device: Device): EntityEvent {
  const { id, name, profile, createdAt } = device;
  const data = { id: { entityType: 'DEVICE', id }, name, type: profile, createdTime: createdAt };
  const metadata = { deviceName: name, deviceType: profile };
  return { type: 'ENTITY_CREATED', originator: deviceOriginator(device), data, metadata };
}

export const customerOriginator = ({ id, title }: Customer): EntityOriginator => ({
  entityType: 'CUSTOMER',
  id,
  name: title,
  profile: '',
});

export const TENANT_ORIGINATOR: EntityOriginator = { ...TENANT, name: 'Tenant', profile: '' };

type Wanted = Parameters<EntityContext['ensureEntity']>[0];

/** The entity of that name, made when there is none; then `raise` hears ENTITY_CREATED (thingsboard-rule-chains 3.3). */
export async function makeEntity(
  wanted: Wanted,
  parts: EntityMakers,
  raise: (event: EntityEvent) => void,
): Promise<Originator> {
  const problem = nameProblem(wanted.name);
  if (problem) throw new NodeFailure(`cannot create a ${wanted.entityType}: ${problem}`);
  const { originator, created } = await make(wanted, parts);
  if (created) {
    const data = (await fieldsOf(originator, parts)) ?? {};
    const metadata = { entityName: originator.name, entityType: originator.entityType };
    raise({ type: 'ENTITY_CREATED', originator, data: { ...data, id: { ...idOf(originator) } }, metadata });
  }
  return originator;
}

const idOf = ({ entityType, id }: EntityId) => ({ entityType, id });

async function make(wanted: Wanted, parts: EntityMakers): Promise<{ originator: Originator; created: boolean }> {
  switch (wanted.entityType) {
    case 'DEVICE':
      return makeDevice(wanted, parts);
    case 'ASSET':
      return makeAsset(wanted, parts);
    case 'CUSTOMER':
      return makeCustomer(wanted, parts);
  }
}

async function makeDevice({ name, profile, by }: Wanted, { registry, profiles }: EntityMakers) {
  const found = await registry.deviceByName(name);
  if (found) return { originator: deviceOriginator(found), created: false };
  const known = profiles().byName(profile);
  if (!known) throw new NodeFailure(`cannot create device "${name}": there is no device profile "${profile}"`);
  const { quota } = known.provision;
  const made = await registry.create({ name, profile, by, ...(quota === undefined ? {} : { profileQuota: quota }) });
  if (made.kind === 'created') return { originator: deviceOriginator(made.device), created: true };
  // Another message was faster.
  const other = made.kind === 'name-taken' ? await registry.device(made.deviceId) : undefined;
  if (!other) throw new NodeFailure(`cannot create device "${name}": ${made.kind}`);
  return { originator: deviceOriginator(other), created: false };
}

async function makeAsset({ name, profile: type, by }: Wanted, { assets, audit, clock }: EntityMakers) {
  refuseAttachmentAsset(type);
  const problem = nameProblem(type, 'asset type');
  if (problem) throw new NodeFailure(`cannot create asset "${name}": ${problem}`);
  const [found] = await assets.assetsByName(name);
  const now = clock.now();
  const { asset, created } = found
    ? { asset: found, created: false }
    : await assets.ensureAsset({ id: newAssetId(now), type, name, createdAt: now });
  if (created) {
    const subject = `asset:${asset.id}`;
    await audit.append({ at: now, action: 'asset.create', by, subject, outcome: 'done', facts: { type, name } });
  }
  const originator = { entityType: 'ASSET' as const, id: asset.id, name: asset.name, profile: asset.type };
  return { originator, created };
}

async function makeCustomer({ name, by }: Wanted, { customers, audit, clock }: EntityMakers) {
  const now = clock.now();
  const { customer, created } = await customers.ensureCustomer({ id: newCustomerId(now), title: name, createdAt: now });
  if (created) {
    const subject = `customer:${customer.id}`;
    await audit.append({ at: now, action: 'customer.create', by, subject, outcome: 'created' });
  }
  return { originator: customerOriginator(customer), created };
}

/** ThingsBoard's fields of an entity; undefined when it is gone. */
export async function fieldsOf(
  of: EntityId,
  { registry, assets, customers }: Pick<EntityMakers, 'registry' | 'assets' | 'customers'>,
): Promise<JsonObject | undefined> {
  switch (of.entityType) {
    case 'DEVICE': {
      const device = await registry.device(of.id as DeviceId);
      if (!device) return undefined;
      const { id, name, profile, label, createdAt } = device;
      return { id, name, type: profile, label: label ?? null, createdTime: createdAt };
    }
    case 'ASSET': {
      const asset = await assets.asset(of.id as AssetId);
      return asset && { id: asset.id, name: asset.name, type: asset.type, label: null, createdTime: asset.createdAt };
    }
    case 'CUSTOMER': {
      const customer = await customers.customer(of.id as CustomerId);
      if (!customer) return undefined;
      return { id: customer.id, title: customer.title, name: customer.title, createdTime: customer.createdAt };
    }
    case 'TENANT':
      if (of.id !== TENANT.id) return undefined;
      return { id: TENANT.id, title: 'Tenant', name: 'Tenant' };
  }
}
