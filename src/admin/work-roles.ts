import { BrokerError } from '../errors.ts';
import type { WorkRole } from '../model/role.ts';
import type { Principal } from '../registry/api-keys.ts';
import type { AdminDeps } from './deps.ts';
import { deviceOf } from './lookup.ts';
import type { Route } from './route.ts';

/** What the lists below name a route by. */
export interface RouteName {
  readonly method: string;
  readonly url: string;
  readonly tag: string;
}

const SESSION = ['GET /api/auth/user', 'POST /api/auth/logout', 'POST /api/auth/changePassword'];
const DEVICES = [
  'GET /api/tenant/devices',
  'GET /api/device/:id',
  'GET /api/tenant/deviceInfos',
  'GET /api/device/info/:id',
  'GET /api/tenant/device',
  'GET /api/devices',
  'GET /api/gridmoor/devices/:id/state',
  'GET /api/deviceProfileInfos',
  'GET /api/gridmoor/statistics/devices',
];
const CALLS = [
  '/api/rpc/oneway/:id',
  '/api/rpc/twoway/:id',
  '/api/plugins/rpc/oneway/:id',
  '/api/plugins/rpc/twoway/:id',
];

/** The routes of a kind of work: each by name, or all that read, or all, of a tag. What is not listed is refused. */
interface Work {
  readonly routes: readonly string[];
  readonly reads?: readonly string[];
  readonly all?: readonly string[];
}

const WORK: Readonly<Record<WorkRole, Work>> = {
  installer: {
    routes: [...SESSION, ...DEVICES, 'POST /api/gridmoor/devices'],
    reads: ['asset trees'],
  },
  developer: {
    routes: [
      ...SESSION,
      ...DEVICES,
      'POST /api/gridmoor/devices',
      'POST /api/gridmoor/devices/:id/rotate',
      'POST /api/gridmoor/devices/:id/trace',
    ],
    reads: ['device profiles', 'telemetry', 'attributes', 'chains', 'messages', 'alarms'],
  },
  'asset-manager': {
    routes: [
      ...SESSION,
      ...DEVICES,
      'POST /api/gridmoor/devices/:id/disable',
      'POST /api/gridmoor/devices/:id/enable',
      'POST /api/gridmoor/devices/:id/retire',
      'GET /api/gridmoor/tombstones',
    ],
    reads: ['statistics'],
    all: ['asset trees', 'assets', 'relations', 'firmware and software'],
  },
  app: {
    routes: [...SESSION, ...DEVICES, ...CALLS.map((url) => `POST ${url}`)],
    reads: ['telemetry', 'attributes', 'alarms'],
  },
};

export function isPartOf(role: WorkRole, { method, url, tag }: RouteName): boolean {
  const { routes, reads = [], all = [] } = WORK[role];
  if (routes.includes(`${method} ${url}`) || all.includes(tag)) return true;
  return method === 'GET' && reads.includes(tag);
}

/** An app calls the devices of profiles that its key was granted, and no others. Throws FORBIDDEN. */
export async function checkGrant(
  principal: Principal,
  { method, url }: Pick<Route, 'method' | 'url'>,
  params: unknown,
  deps: Pick<AdminDeps, 'registry'>,
): Promise<void> {
  if (principal.role !== 'app' || method !== 'POST' || !CALLS.includes(url)) return;
  const { profile } = await deviceOf((params as { readonly id: string }).id, deps);
  if (principal.key?.calls?.includes(profile)) return;
  throw new BrokerError('FORBIDDEN', { detail: `this key is granted no calls to devices of the profile ${profile}` });
}
