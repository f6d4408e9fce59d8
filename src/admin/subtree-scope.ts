import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { Page } from '../model/entity.ts';
import type { DeviceId } from '../model/ids.ts';
import type { NodeRef, Subtree } from '../model/tree.ts';
import type { Principal } from '../registry/api-keys.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice } from './lookup.ts';
import type { DeviceFilter } from './supplier-scope.ts';
import type { RouteName } from './work-roles.ts';

type ScopeDeps = Pick<AdminDeps, 'trees' | 'registry'>;

/**
 * What a route is about. `free`: nothing that stands in a tree. `own`: its handler gives what the principal may see, no more.
 * `device`, `asset`: the one that `:id` names. `entity`: that of `:entityType` and `:id`.
 */
type About = 'free' | 'own' | 'device' | 'asset' | 'entity';

const TELEMETRY = '/api/plugins/telemetry';
const DEVICE = '/api/gridmoor/devices/:id';
const TREES = '/api/gridmoor/trees';

/** Reads and writes of values, alike for devices and assets. */
const valuesOf = (type: 'DEVICE' | 'ASSET', about: About): readonly (readonly [string, About])[] =>
  [
    'GET /values/timeseries',
    'GET /values/timeseries/history',
    'GET /keys/timeseries',
    'POST /timeseries/:scope',
    'DELETE /timeseries/delete',
    'GET /values/attributes',
    'GET /values/attributes/:scope',
    'GET /keys/attributes',
    'GET /keys/attributes/:scope',
    'POST /:scope',
    'DELETE /:scope',
    'POST /attributes/:scope',
    'DELETE /attributes/:scope',
  ].map((one) => [one.replace(' ', ` ${TELEMETRY}/${type}/:id`), about]);

const about = (kind: About, names: readonly string[]) => names.map((name) => [name, kind] as const);

/** Every route that who is kept to a part of a tree may use, if the role may. What is not listed is refused. */
export const SUBTREE_ROUTES: ReadonlyMap<string, About> = new Map([
  ...about('free', [
    'GET /api/auth/user',
    'POST /api/auth/logout',
    'POST /api/auth/changePassword',
    'GET /api/deviceProfileInfos',
  ]),
  ...about('own', [
    'GET /api/tenant/devices',
    'GET /api/tenant/deviceInfos',
    'GET /api/tenant/device',
    'GET /api/devices',
    'GET /api/alarm/:alarmId',
    'GET /api/alarm/info/:alarmId',
    'POST /api/alarm/:alarmId/ack',
    'POST /api/alarm/:alarmId/clear',
    'GET /api/rpc/persistent/:rpcId',
    'DELETE /api/rpc/persistent/:rpcId',
    'GET /api/gridmoor/export/devices',
    'GET /api/gridmoor/export/trees/:tree',
    `GET ${TREES}`,
    `GET ${TREES}/:tree/nodes`,
    `PUT ${TREES}/:tree/nodes/:entity`,
    `DELETE ${TREES}/:tree/nodes/:entity`,
    `GET ${TREES}/:tree/nodes/:entity/path`,
    'GET /api/gridmoor/tree-memberships/:entity',
  ]),
  ...about('device', [
    'GET /api/device/:id',
    'DELETE /api/device/:id',
    'GET /api/device/info/:id',
    'GET /api/device/:id/credentials',
    `GET ${DEVICE}/state`,
    `POST ${DEVICE}/disable`,
    `POST ${DEVICE}/enable`,
    `POST ${DEVICE}/retire`,
    `POST ${DEVICE}/rotate`,
    `POST ${DEVICE}/trace`,
    `GET ${DEVICE}/config`,
    `PUT ${DEVICE}/config`,
    `DELETE ${DEVICE}/config`,
    `GET ${DEVICE}/credentials`,
    `GET ${DEVICE}/ota`,
    `POST ${DEVICE}/ota`,
    'POST /api/rpc/oneway/:id',
    'POST /api/rpc/twoway/:id',
    'POST /api/plugins/rpc/oneway/:id',
    'POST /api/plugins/rpc/twoway/:id',
    'GET /api/rpc/persistent/device/:id',
    'GET /api/alarm/DEVICE/:id',
    'GET /api/v2/alarm/DEVICE/:id',
    `POST ${TELEMETRY}/:id/:scope`,
    `DELETE ${TELEMETRY}/:id/:scope`,
  ]),
  ...valuesOf('DEVICE', 'device'),
  ...valuesOf('ASSET', 'asset'),
  ...about('asset', ['GET /api/asset/:id']),
  ...about('entity', [
    'GET /api/alarm/:entityType/:id',
    'GET /api/v2/alarm/:entityType/:id',
    'GET /api/alarm/highestSeverity/:entityType/:id',
  ]),
]);

/** Throws FORBIDDEN for a route that is not about what stands in a tree. */
export function checkSubtreeRoute({ subtree }: Principal, route: RouteName | undefined): void {
  if (subtree === undefined || (route && SUBTREE_ROUTES.has(`${route.method} ${route.url}`))) return;
  throw new BrokerError('FORBIDDEN', { detail: 'this is not for who is kept to a part of a tree' });
}

/**
 * The one place that keeps principals to their part of a tree: what a request names must stand there now. All else is as if it
 * did not exist. Throws DEVICE_NOT_FOUND, NOT_FOUND.
 */
export async function checkSubtreeScope(
  { subtree }: Principal,
  route: Pick<RouteName, 'method' | 'url'>,
  params: unknown,
  deps: ScopeDeps,
): Promise<void> {
  if (subtree === undefined) return;
  const kind = SUBTREE_ROUTES.get(`${route.method} ${route.url}`);
  if (kind === undefined || kind === 'free' || kind === 'own') return;
  const { id = '', entityType } = params as { readonly id?: string; readonly entityType?: string };
  if (kind === 'device' || entityType === 'DEVICE') {
    const device = await findDevice(id, deps);
    if (device && (await deps.trees.isWithin(subtree, `DEVICE:${device.id}`))) return;
    throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
  }
  const isAsset = kind === 'asset' || entityType === 'ASSET';
  if (isAsset && (await deps.trees.isWithin(subtree, `ASSET:${id.toLowerCase()}`))) return;
  throw new BrokerError('NOT_FOUND', { field: 'id' });
}

/** Nodes of a part that are looked through for a list of devices. */
const MAX_NODES = 50_000;
const STEP = 500;

/** Devices that stand in the part of a tree, by name. Throws BAD_REQUEST when it is too big for a list. */
export async function devicesOfSubtree(
  subtree: Subtree,
  { page, pageSize, textSearch, profile }: DeviceFilter,
  { trees, registry }: ScopeDeps,
): Promise<Page<Device>> {
  const refs = await trees.within(subtree, MAX_NODES + 1);
  if (refs.length > MAX_NODES) {
    const detail = `your part of the tree has more than ${MAX_NODES} nodes: read it level by level under ${TREES}`;
    throw new BrokerError('BAD_REQUEST', { field: 'page', detail });
  }
  const ids = refs.filter(isDevice).map((ref) => ref.slice('DEVICE:'.length) as DeviceId);
  const part = textSearch?.toLowerCase() ?? '';
  const found: Device[] = [];
  for (let at = 0; at < ids.length; at += STEP) {
    for (const device of await Promise.all(ids.slice(at, at + STEP).map((id) => registry.device(id)))) {
      if (!device || (profile !== undefined && device.profile !== profile)) continue;
      if (device.name.toLowerCase().includes(part)) found.push(device);
    }
  }
  found.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const end = (page + 1) * pageSize;
  return { data: found.slice(end - pageSize, end), totalElements: found.length, hasNext: end < found.length };
}

const isDevice = (ref: NodeRef): boolean => ref.startsWith('DEVICE:');
