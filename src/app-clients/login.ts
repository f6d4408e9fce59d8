import type { RefusalPause } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import { parseUuid } from '../model/ids.ts';
import { Secret } from '../model/secret.ts';
import { API_KEY_PREFIX, type ApiKeys } from '../registry/api-keys.ts';
import type { AppTopics } from '../storage/record-stores.ts';
import { rightsOf } from './rights.ts';

/** The user name of an app client that does not name its key. */
const ANY_KEY = 'apikey';
const MAX_KEY = 4_096;

/** Who an app client is, and what it may do. */
export interface AppIdentity {
  /** Id of the key, or `admin` for the installation's own. */
  readonly owner: string;
  readonly rights: AppTopics;
}

export type AppLogin =
  | ({ readonly kind: 'app' } & AppIdentity)
  | { readonly kind: 'refused'; readonly reason: 'bad-credentials' | 'unavailable' | 'hang-up' };

/** Logins of app clients, by the keys of the management API. */
export interface AppLogins {
  login(given: {
    readonly userName: string;
    readonly password: string;
    readonly address: string;
    /** Called when it is refused, before its answer is held back for guessing too often. */
    readonly decided?: () => void;
  }): Promise<AppLogin>;
  /** The owners that may still be connected and have sessions. */
  owners(): Promise<ReadonlySet<string>>;
}

const ADMIN = 'admin';

/** Whether a CONNECT is one of an app client: its user name is `apikey`, or the id of a key with a key as its password. */
export function isAppLogin(userName: string, password: string): boolean {
  if (userName === ANY_KEY) return true;
  return userName.length === 36 && password.startsWith(API_KEY_PREFIX) && parseUuid(userName) !== undefined;
}

export function createAppLogins(parts: {
  readonly apiKeys: Pick<ApiKeys, 'authenticate' | 'list'>;
  readonly refusalPause: RefusalPause;
  readonly clock: Clock;
}): AppLogins {
  const { apiKeys, refusalPause, clock } = parts;
  return {
    async login({ userName, password, address, decided }) {
      const principal = password.length > MAX_KEY ? undefined : await apiKeys.authenticate(new Secret(password));
      const owner = principal?.key?.id ?? ADMIN;
      if (principal && (userName === ANY_KEY || parseUuid(userName) === owner)) {
        const { topics } = principal.key ?? {};
        const rights = rightsOf({ ...principal, ...(topics ? { topics } : {}) });
        return { kind: 'app', owner, rights };
      }
      decided?.();
      const answer = await refusalPause.refused(address);
      return { kind: 'refused', reason: answer === 'drop' ? 'hang-up' : 'bad-credentials' };
    },
    async owners() {
      const now = clock.now();
      const keys = await apiKeys.list();
      const valid = keys.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
      return new Set([ADMIN, ...valid.map(({ id }) => id)]);
    },
  };
}
