import type { EntityId, Page, PageQuery } from '../model/entity.ts';
import type { ApiKeyId, AssetId } from '../model/ids.ts';
import type { JsonValue } from '../model/json.ts';
import type { Role } from '../model/role.ts';
import type { Subtree } from '../model/tree.ts';

/** One line of the audit: who did what to what, and how it ended. Never a secret. */
export interface AuditEntry {
  readonly at: number;
  /** `provision`, `device.delete`, `supplier.rotate`, `attachment.attach` … */
  readonly action: string;
  readonly by: string;
  readonly subject: string;
  readonly outcome: string;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

/** Append-only; joins the current commit group. Newest first when listed. */
export interface AuditStore {
  append(entry: AuditEntry): Promise<void>;
  list(query: PageQuery): Promise<Page<AuditEntry>>;
}

/** A message that a chain could not finish, as JSON-safe data without secrets. */
export interface DeadLetter {
  readonly id: string;
  readonly at: number;
  /** Whose message it was when it began. */
  readonly originator: EntityId;
  readonly originatorName: string;
  readonly chain: string;
  readonly node: string;
  readonly reason: string;
  readonly msgType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: JsonValue;
  /** Times it was tried again, in vain. */
  readonly retries: number;
  /** The whole message, encrypted, for another try. */
  readonly sealed: string;
}

/** Which letters; members that are absent do not narrow. */
export interface DeadLetterFilter {
  readonly chain?: string;
  readonly node?: string;
  readonly originator?: EntityId;
  /** Part of the reason, whatever its case. */
  readonly reason?: string;
  /** The latest time, ms, inclusive. */
  readonly until?: number;
  /** The time that it is, ms: a letter of later than this is one of a clock that was ahead, and is not too late for `until`. */
  readonly now?: number;
}

export const isTooLate = ({ at }: DeadLetter, { until = at, now = at }: DeadLetterFilter): boolean =>
  at > until && at <= now;

export interface DeadLetterQuery extends PageQuery, DeadLetterFilter {
  readonly oldestFirst?: boolean;
}

/**
 * Newest first when listed, if nothing else is said. At most `maxDeadLetters` of the store's options are kept: the oldest go first. A letter of a
 * known id takes the place of the former one; one of an unknown (deleted) originator is not stored.
 */
export interface DeadLetterStore {
  /** Gives the number of letters that were forgotten for it. */
  put(letter: DeadLetter): Promise<number>;
  get(id: string): Promise<DeadLetter | undefined>;
  list(query: DeadLetterQuery): Promise<Page<DeadLetter>>;
  remove(id: string): Promise<boolean>;
}

/** Topic filters of an app client. */
export interface AppTopics {
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
}

export interface ApiKey {
  readonly id: ApiKeyId;
  readonly name: string;
  readonly role: Role;
  /** Set for the role `supplier`: whose devices the key sees. */
  readonly supplierId?: AssetId;
  /** The key sees and steers what stands in this part of a tree, and nothing else. */
  readonly subtree?: Subtree;
  /** What it may do as an app client over MQTT; what is absent follows from the role. */
  readonly topics?: Partial<AppTopics>;
  /** Set for the role `app`: profiles whose devices it may call. */
  readonly calls?: readonly string[];
  readonly hash: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
}

export interface ApiKeyStore {
  /** Rejects with CREDENTIALS_TAKEN when id or hash exist. */
  create(key: ApiKey): Promise<void>;
  byHash(hash: string): Promise<ApiKey | undefined>;
  /** Ordered by creation. */
  list(): Promise<readonly ApiKey[]>;
  revoke(id: ApiKeyId): Promise<boolean>;
}

/** Small named facts of the installation: hash of a generated provision secret, key check, schema version. Values are text. */
export interface SettingStore {
  get(name: string): Promise<string | undefined>;
  put(name: string, value: string): Promise<void>;
  /** Writes only when absent, atomically; gives the value that now stands. */
  putIfAbsent(name: string, value: string): Promise<string>;
  /** An unknown one is no error. */
  remove(name: string): Promise<void>;
}
