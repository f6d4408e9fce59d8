import { randomBytes } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { Secret } from '../model/secret.ts';
import type { DocumentChange, DocumentStore } from '../storage/document-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { nameProblem } from './registry.ts';
import { readAccount, type ServiceAccount, type ServiceOperation, writeAccount } from './service-account-record.ts';

/** An account with the secret that its calls are signed with. */
export interface OpenServiceAccount {
  readonly account: ServiceAccount;
  readonly accessSecret: Secret;
}

export interface NewServiceAccount {
  readonly name: string;
  readonly operations: readonly ServiceOperation[];
  /** Absent: every profile that names the account. */
  readonly profiles?: readonly string[];
  /** Absent: both are made. Given for a fleet that has them already. */
  readonly accessKey?: string;
  readonly accessSecret?: Secret;
  readonly ttlMs?: number;
  readonly skewMs?: number;
  readonly by: string;
}

/** Accounts of apps that register devices over EnOS' REST API (registration-protocols 1.3, 3.3.6). */
export interface ServiceAccounts {
  /** Throws NAME_TAKEN, also for an access key in use, and BAD_REQUEST. */
  create(options: NewServiceAccount): Promise<OpenServiceAccount>;
  /** By name. */
  list(): Promise<readonly ServiceAccount[]>;
  /** The kill switch: from then on none of its keys and tokens works, until it is switched on. Throws NOT_FOUND. */
  setEnabled(name: string, enabled: boolean, by: string): Promise<ServiceAccount>;
  /** Throws NOT_FOUND. */
  remove(name: string, by: string): Promise<void>;
  /** Undefined also when it is switched off or has expired. */
  byKey(accessKey: string): Promise<OpenServiceAccount | undefined>;
}

export interface ServiceAccountParts {
  readonly documents: DocumentStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

const ACCOUNT = 'service-account';
/** Access key -> name. */
const ACCESS_KEY = 'service-account-key';
const KEY_FORM = /^[A-Za-z0-9._-]{4,64}$/;
const SECRET_FORM = /^[\x21-\x7e]{8,128}$/;
const MAX_PROFILES = 100;
const PAGE = 200;

export function createServiceAccounts({ documents, audit, hash, clock }: ServiceAccountParts): ServiceAccounts {
  const note = (action: string, by: string, name: string, outcome: string) =>
    audit.append({ at: clock.now(), action, by, subject: `service-account:${name}`, outcome });

  const stored = async (name: string) => {
    const document = nameProblem(name) ? undefined : await documents.get(ACCOUNT, name, clock.now());
    if (!document) throw new BrokerError('NOT_FOUND', { serviceAccount: name.slice(0, 100) });
    return { document, record: readAccount(document.text) };
  };

  return {
    async create({ name: rawName, operations, profiles, ttlMs, skewMs, by, ...keys }) {
      const name = rawName.trim();
      const accessKey = keys.accessKey ?? `gmk-${randomBytes(12).toString('hex')}`;
      const accessSecret = keys.accessSecret ?? new Secret(`gma_${randomBytes(24).toString('base64url')}`);
      check({ name, operations, profiles, accessKey, accessSecret });
      const now = clock.now();
      const account: ServiceAccount = {
        name,
        accessKey,
        operations: [...new Set(operations)],
        enabled: true,
        createdAt: now,
        ...(profiles === undefined ? {} : { profiles: [...new Set(profiles)] }),
        ...(ttlMs === undefined ? {} : { expiresAt: now + ttlMs }),
        ...(skewMs === undefined ? {} : { skewMs }),
      };
      const text = writeAccount({ account, secret: hash.seal(accessSecret.reveal()) });
      const changes: DocumentChange[] = [
        { kind: ACCOUNT, key: name, text, expected: 0 },
        { kind: ACCESS_KEY, key: accessKey, text: name, expected: 0 },
      ];
      if (!(await documents.write(changes, now))) throw new BrokerError('NAME_TAKEN', { field: 'name' });
      await note('service-account.create', by, name, 'created');
      return { account, accessSecret };
    },

    async list() {
      const accounts: ServiceAccount[] = [];
      let after: string | undefined;
      for (;;) {
        const query = { limit: PAGE, now: clock.now(), ...(after === undefined ? {} : { after }) };
        const page = await documents.list(ACCOUNT, query);
        if (page.length === 0) return accounts;
        for (const { text } of page) accounts.push(readAccount(text).account);
        after = page.at(-1)?.key;
      }
    },

    async setEnabled(name, enabled, by) {
      for (;;) {
        const { document, record } = await stored(name);
        const account = { ...record.account, enabled };
        const text = writeAccount({ ...record, account });
        const change = { kind: ACCOUNT, key: document.key, text, expected: document.version };
        if (!(await documents.write([change], clock.now()))) continue;
        await note(enabled ? 'service-account.enable' : 'service-account.disable', by, account.name, 'changed');
        return account;
      }
    },

    async remove(name, by) {
      const { record } = await stored(name);
      const { account } = record;
      const gone = [
        { kind: ACCOUNT, key: account.name },
        { kind: ACCESS_KEY, key: account.accessKey },
      ];
      await documents.write(gone, clock.now());
      await note('service-account.delete', by, account.name, 'deleted');
    },

    async byKey(accessKey) {
      const now = clock.now();
      const name = KEY_FORM.test(accessKey) ? await documents.get(ACCESS_KEY, accessKey, now) : undefined;
      const document = name && (await documents.get(ACCOUNT, name.text, now));
      if (!document) return undefined;
      const { account, secret } = readAccount(document.text);
      const opened = hash.open(secret);
      const hasEnded = account.expiresAt !== undefined && account.expiresAt <= now;
      if (account.accessKey !== accessKey || !account.enabled || hasEnded || opened === undefined) return undefined;
      return { account, accessSecret: new Secret(opened) };
    },
  };
}

/** Throws BAD_REQUEST. */
function check(what: {
  readonly name: string;
  readonly operations: readonly ServiceOperation[];
  readonly profiles: readonly string[] | undefined;
  readonly accessKey: string;
  readonly accessSecret: Secret;
}): void {
  const { name, operations, profiles = [], accessKey, accessSecret } = what;
  const refuse = (field: string, detail: string): never => {
    throw new BrokerError('BAD_REQUEST', { field, detail });
  };
  const wrongName = nameProblem(name);
  if (wrongName) refuse('name', wrongName);
  if (operations.length === 0) refuse('operations', 'name at least one operation');
  if (profiles.length > MAX_PROFILES) refuse('profiles', `at most ${MAX_PROFILES} profiles`);
  for (const profile of profiles) {
    const problem = nameProblem(profile, 'name of a profile');
    if (problem) refuse('profiles', problem);
  }
  if (!KEY_FORM.test(accessKey)) refuse('accessKey', 'must be 4 to 64 letters, digits or "._-"');
  if (!SECRET_FORM.test(accessSecret.reveal())) refuse('accessSecret', 'must be 8 to 128 visible ASCII characters');
}
