import { BrokerError } from '../errors.ts';

/** What an account may be let do with devices of a product. `get-own`: read those that it has created. */
export const SERVICE_OPERATIONS = [
  'create',
  'get',
  'get-own',
  'search',
  'update',
  'replace',
  'delete',
  'disable',
  'enable',
  'certificates',
] as const;
export type ServiceOperation = (typeof SERVICE_OPERATIONS)[number];

/** An account without its secret. Times in ms since 1970. */
export interface ServiceAccount {
  readonly name: string;
  readonly accessKey: string;
  readonly operations: readonly ServiceOperation[];
  /** Absent: every profile that names it. */
  readonly profiles?: readonly string[];
  /** False: nothing of it works. */
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly expiresAt?: number;
  /** How far the clock of a token request may be off; absent: its time is not looked at, as EnOS documents none. */
  readonly skewMs?: number;
}

/** `secret` is sealed: signatures are checked with it in clear. */
export interface StoredServiceAccount {
  readonly account: ServiceAccount;
  readonly secret: string;
}

export const writeAccount = (record: StoredServiceAccount): string => JSON.stringify(record);

/** Throws STORE_CORRUPT for what was not written here. */
export function readAccount(text: string): StoredServiceAccount {
  const record = JSON.parse(text) as Partial<StoredServiceAccount> | null;
  if (typeof record?.secret === 'string' && typeof record.account?.accessKey === 'string') {
    return { account: record.account, secret: record.secret };
  }
  throw new BrokerError('STORE_CORRUPT', { detail: 'a service account is not readable' });
}
