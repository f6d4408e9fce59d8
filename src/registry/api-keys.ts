import { randomBytes } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import { appFilterProblem, filterCovers, supplierTopics } from '../model/app-topic.ts';
import type { Clock } from '../model/clock.ts';
import { type ApiKeyId, type AssetId, newApiKeyId, type UserId } from '../model/ids.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import type { Role } from '../model/role.ts';
import { Secret } from '../model/secret.ts';
import type { Subtree } from '../model/tree.ts';
import type { ApiKey, ApiKeyStore, AppTopics, AuditStore } from '../storage/record-stores.ts';
import { nameProblem } from './registry.ts';

/** Who calls the management API. */
export interface Principal {
  /** For audit lines: `admin-key`, `api-key:<id>`, `user:<id>`. */
  readonly by: string;
  readonly role: Role;
  /** Set for users. */
  readonly userId?: UserId;
  /** The one whose devices a principal of the role `supplier` sees. */
  readonly supplierId?: AssetId;
  /** The part of a tree that the principal is kept to. */
  readonly subtree?: Subtree;
  /** Set for keys that were made, and not the installation's own. */
  readonly key?: Pick<ApiKey, 'id' | 'expiresAt' | 'topics' | 'calls'>;
}

/** How every key begins that is made here. */
export const API_KEY_PREFIX = 'gma_';

/** Keys of the management API. */
export interface ApiKeys {
  create(options: {
    name: string;
    role: Role;
    /** For the role `supplier`, and only for it. */
    supplierId?: AssetId;
    /** For any role but `administrator` and `supplier`. */
    subtree?: Subtree;
    /** What it may do as an app client; absent: what follows from the role. */
    topics?: Partial<AppTopics>;
    /** For the role `app`: profiles whose devices it may call. */
    calls?: readonly string[];
    ttlMs?: number;
    by: string;
  }): Promise<{ key: ApiKey; secretKey: Secret }>;
  list(): Promise<readonly ApiKey[]>;
  /** Throws NOT_FOUND. */
  revoke(id: ApiKeyId, by: string): Promise<void>;
  authenticate(key: Secret): Promise<Principal | undefined>;
}

/** Throws BAD_REQUEST unless a supplier is named exactly where the role is bound to one. */
export function checkSupplierOf(role: Role, supplierId: AssetId | undefined): void {
  if ((role === 'supplier') === (supplierId !== undefined)) return;
  const detail = 'the role supplier needs a supplier, no other role has one';
  throw new BrokerError('BAD_REQUEST', { field: 'supplier', detail });
}

/** Throws BAD_REQUEST for a role that cannot be kept to a part of a tree: one makes keys itself, one has its own bounds. */
export function checkSubtreeOf(role: Role, subtree: Subtree | undefined): void {
  if (subtree === undefined || (role !== 'administrator' && role !== 'supplier')) return;
  const detail = `the role ${role} is not kept to a part of a tree`;
  throw new BrokerError('BAD_REQUEST', { field: 'subtree', detail });
}

const MAX_FILTERS = 32;
const MAX_PROFILES = 100;

function checkCalls(calls: readonly string[], role: Role): void {
  if (calls.length === 0 || (role === 'app' && calls.length <= MAX_PROFILES)) return;
  const detail = role === 'app' ? `at most ${MAX_PROFILES} profiles` : 'only a key of the role app is granted calls';
  throw new BrokerError('BAD_REQUEST', { field: 'calls', detail });
}

/** Throws BAD_REQUEST for filters that are none of app clients, or more than the owner may have. */
function checkTopics(
  topics: Partial<AppTopics>,
  { role, supplierId, subtree }: Pick<ApiKey, 'role' | 'supplierId' | 'subtree'>,
): void {
  for (const field of ['subscribe', 'publish'] as const) {
    const filters = topics[field] ?? [];
    const refuse = (detail: string): never => {
      throw new BrokerError('BAD_REQUEST', { field, detail });
    };
    if (filters.length > 0 && subtree) refuse('a key of a part of a tree has no topics');
    if (filters.length > MAX_FILTERS) refuse(`at most ${MAX_FILTERS} filters`);
    if (field === 'publish' && filters.length > 0 && role !== 'administrator' && role !== 'operator')
      refuse(`a key of the role ${role} publishes nothing`);
    for (const filter of filters) {
      const problem = appFilterProblem(filter);
      if (problem) refuse(`the filter ${JSON.stringify(filter.slice(0, 100))} ${problem}`);
      if (supplierId !== undefined && !filterCovers(supplierTopics(supplierId), filter))
        refuse(`a key of a supplier has filters below ${supplierTopics(supplierId).slice(0, -1)} only`);
    }
  }
}

/** @param adminKey the installation's own administrator key, from configuration or the data directory. */
export function createApiKeys(parts: {
  readonly store: ApiKeyStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly adminKey: Secret;
}): ApiKeys {
  const { store, audit, hash, clock } = parts;
  const hashOf = (key: Secret): string => hash.hash('api-key', key.reveal());
  const adminHash = hashOf(parts.adminKey);
  return {
    async create({ name: rawName, role, supplierId, subtree, topics = {}, calls = [], ttlMs, by }) {
      const name = rawName.trim();
      const problem = nameProblem(name);
      if (problem) throw new BrokerError('BAD_REQUEST', { field: 'name', detail: problem });
      checkSupplierOf(role, supplierId);
      checkSubtreeOf(role, subtree);
      const bounds = { ...(supplierId === undefined ? {} : { supplierId }), ...(subtree ? { subtree } : {}) };
      checkTopics(topics, { role, ...bounds });
      checkCalls(calls, role);
      const now = clock.now();
      const secretKey = new Secret(`${API_KEY_PREFIX}${randomBytes(32).toString('base64url')}`);
      const key: ApiKey = {
        id: newApiKeyId(now),
        name,
        role,
        hash: hashOf(secretKey),
        createdAt: now,
        ...bounds,
        ...(calls.length === 0 ? {} : { calls }),
        ...(topics.subscribe || topics.publish ? { topics } : {}),
        ...(ttlMs === undefined ? {} : { expiresAt: now + ttlMs }),
      };
      await store.create(key);
      const subject = `api-key:${key.id}`;
      await audit.append({ at: now, action: 'apikey.create', by, subject, outcome: 'created', facts: { name, role } });
      return { key, secretKey };
    },

    list: () => store.list(),

    async revoke(id, by) {
      if (!(await store.revoke(id))) throw new BrokerError('NOT_FOUND', { apiKey: id });
      await audit.append({
        at: clock.now(),
        action: 'apikey.revoke',
        by,
        subject: `api-key:${id}`,
        outcome: 'revoked',
      });
    },

    async authenticate(key) {
      const given = hashOf(key);
      const found = await store.byHash(given);
      if (sameHash(adminHash, given)) return { by: 'admin-key', role: 'administrator' };
      if (!found || !sameHash(found.hash, given)) return undefined;
      if (found.expiresAt !== undefined && found.expiresAt <= clock.now()) return undefined;
      const { id, role, supplierId, subtree } = found;
      const bounds = { ...(supplierId === undefined ? {} : { supplierId }), ...(subtree ? { subtree } : {}) };
      return { by: `api-key:${id}`, role, ...bounds, key: found };
    },
  };
}
