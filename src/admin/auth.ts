import type { IncomingHttpHeaders } from 'node:http';
import { BrokerError } from '../errors.ts';
import { Secret } from '../model/secret.ts';
import type { Principal } from '../registry/api-keys.ts';
import type { ApiKeyRole } from '../storage/record-stores.ts';
import type { AdminDeps } from './deps.ts';

const RANK = { 'read-only': 0, operator: 1, administrator: 2 } as const satisfies Record<ApiKeyRole, number>;
const MAX_KEY = 512;

/** The key of `X-Authorization: ApiKey <key>` (ThingsBoard's form) or `Authorization: Bearer <key>`. */
function keyOf(headers: IncomingHttpHeaders): Secret | undefined {
  const text = headers['x-authorization'] ?? headers.authorization;
  if (typeof text !== 'string') return undefined;
  const key = /^(?:ApiKey|Bearer) +(\S+)$/i.exec(text)?.[1];
  return key === undefined || key.length > MAX_KEY ? undefined : new Secret(key);
}

/**
 * Who asks. Throws UNAUTHORIZED, FORBIDDEN; `hang-up` when the address guesses on while its answers are held back.
 */
export async function authorise(
  headers: IncomingHttpHeaders,
  address: string,
  role: ApiKeyRole,
  { apiKeys, refusalPause, counters }: Pick<AdminDeps, 'apiKeys' | 'refusalPause' | 'counters'>,
): Promise<Principal | 'hang-up'> {
  const key = keyOf(headers);
  if (!key) {
    const detail = 'give an API key: "Authorization: Bearer <key>" or "X-Authorization: ApiKey <key>"';
    throw new BrokerError('UNAUTHORIZED', { detail });
  }
  const principal = await apiKeys.authenticate(key);
  if (!principal) {
    counters.refusals.set('api:bad-key', (counters.refusals.get('api:bad-key') ?? 0) + 1);
    if ((await refusalPause.refused(address)) === 'drop') return 'hang-up';
    throw new BrokerError('UNAUTHORIZED', { detail: 'the API key is not valid' });
  }
  if (RANK[principal.role] < RANK[role]) {
    const detail = `this needs the role ${role}, the key has ${principal.role}`;
    throw new BrokerError('FORBIDDEN', { detail });
  }
  return principal;
}
