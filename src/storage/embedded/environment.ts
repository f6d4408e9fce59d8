import { setTimeout as pause } from 'node:timers/promises';
import { type Database, open } from 'lmdb';

/** The tables of the store; one LMDB database each. Keys and values are bytes: see `keys.ts` and the stores. */
export const TABLES = [
  'meta',
  'settings',
  'counters',
  'devices',
  'deviceNames',
  'credentials',
  'credentialsByIndex',
  'heads',
  'history',
  'purges',
  'attributes',
  'assets',
  'assetNames',
  'relationsFrom',
  'relationsTo',
  'suppliers',
  'supplierKeys',
  'attachments',
  'attachmentsByName',
  'attachmentsBySupplyPoint',
  'attachmentsBySupplier',
  'attachmentHistory',
  'audit',
  'deadLetters',
  'deadLetterIds',
  'deadLettersOf',
  'messages',
  'messageIds',
  'messagesOf',
  'rpcs',
  'rpcsByDevice',
  'rpcTimes',
  'apiKeys',
  'apiKeysByHash',
  'users',
  'userNames',
  'stateDue',
  'stateDueOf',
  'customers',
  'customersByTitle',
  'deviceCustomers',
  'claims',
  'formerCredentials',
  'otaPackages',
  'otaNames',
  'otaBlocks',
  'otaDevices',
  'otaProfiles',
  'otaUsers',
  'alarms',
  'alarmsOf',
  'alarmsActive',
  'alarmsCleared',
  'alarmTypes',
  'alarmStates',
  'alarmStateTimes',
  'generations',
  'outbox',
  'documents',
  'documentsDue',
  'appSessions',
  'appQueues',
  'appQueueFill',
  'appRetained',
] as const;
export type TableName = (typeof TABLES)[number];

export interface Span {
  /** Inclusive. */
  readonly from: Buffer;
  /** Exclusive. */
  readonly to: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly offset?: number;
  readonly snapshot?: Snapshot;
}

/** A view of the store that later commits do not change; `done` must be called. */
export interface Snapshot {
  done(): void;
}

/**
 * One ordered map of bytes to bytes. Reads outside a transaction see the last commit, inside one its own writes.
 * Writes are allowed only inside `Environment.transaction`.
 */
export interface Table {
  get(key: Buffer, snapshot?: Snapshot): Buffer | undefined;
  /** Like `get` without a copy: only the first `size()` bytes count, and only until the next read of any table. */
  view(key: Buffer): Buffer | undefined;
  /** Length of the last `view`. */
  size(): number;
  has(key: Buffer): boolean;
  /** Copies key and value before it returns. */
  put(key: Buffer, value: Buffer): void;
  /** False when there was no such key. */
  remove(key: Buffer): boolean;
  /** Inside a transaction collect the entries before writing to the same table. */
  entries(span: Span): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  keys(span: Span): Iterable<Buffer>;
  count(span: Span): number;
}

export type Tables = Readonly<Record<TableName, Table>>;

/** The only door to LMDB. */
export interface Environment {
  readonly tables: Tables;
  /**
   * Runs `work` in one write transaction as soon as the turn has ended; resolves when it is committed and, with `sync`,
   * on disk. Commit and disk run off the event loop. `work` must not throw: what it wrote would be committed all the same.
   */
  transaction(work: () => void): Promise<void>;
  /** Inside a transaction: undoes what `work` has written when it throws, and throws on. */
  attempt(work: () => void): void;
  snapshot(): Snapshot;
  /** A consistent copy of the data file into an existing directory, compacted, while the store is in use. */
  backup(directory: string): Promise<void>;
  close(): Promise<void>;
}

type Transaction = ReturnType<Database['useReadTransaction']>;
type Store = Database<Buffer, Buffer> & { lastSize: number };
interface CommitFailure extends Error {
  readonly commitError?: Promise<never>;
}

/** So long LMDB is given to close when it takes no commit at all any more, in ms. */
const CLOSE_MS = 1000;

/** @param directory exists and holds either nothing or a data file that `checkDataFile` passed. */
export function openEnvironment(directory: string, sync: boolean): Environment {
  const root = open<Buffer, Buffer>({
    path: directory,
    maxDbs: 128,
    maxReaders: 64,
    encoding: 'binary',
    keyEncoding: 'binary',
    noSubdir: false,
    // With it, LMDB keeps a promise of its own per batch, whose rejection nobody could handle, and ends the process.
    eventTurnBatching: false,
    // Without sync a commit survives the death of the process, not that of the machine.
    ...(sync ? {} : { noSync: true, overlappingSync: false }),
  });
  const tables = {} as Record<TableName, Table>;
  for (const name of TABLES)
    tables[name] = tableOf(root.openDB(name, { encoding: 'binary', keyEncoding: 'binary' }) as Store);
  let failed = false;
  async function transaction(work: () => void): Promise<void> {
    try {
      await root.transaction(work);
    } catch (error) {
      failed = true;
      // LMDB tells the reason of a failed commit by a second promise, which must not stay unhandled.
      const reason = (error as CommitFailure).commitError;
      if (reason !== undefined) await reason;
      throw error;
    }
    failed = false;
    if (sync) await root.flushed;
  }
  return {
    tables,
    transaction,
    attempt(work) {
      root.childTransaction(work);
    },
    snapshot: () => root.useReadTransaction() as Snapshot,
    backup: (directory) => root.backup(directory, true),
    async close() {
      if (!failed) return root.close();
      // LMDB's close waits until its last commit is on the disk, which one that failed never is: one without writes follows it.
      await transaction(() => {}).catch(() => {});
      await Promise.race([root.close(), pause(CLOSE_MS)]);
    },
  };
}

function tableOf(store: Store): Table {
  const optionsOf = (span: Span, values: boolean): Parameters<Store['getRange']>[0] => ({
    ...(span.reverse === true
      ? { start: span.to, end: span.from, reverse: true, exclusiveStart: true, inclusiveEnd: true }
      : { start: span.from, end: span.to }),
    ...(span.limit === undefined ? {} : { limit: span.limit }),
    ...(span.offset === undefined ? {} : { offset: span.offset }),
    ...(span.snapshot === undefined ? {} : { transaction: span.snapshot as Transaction }),
    ...(values ? {} : { values: false }),
  });
  return {
    get: (key, snapshot) =>
      store.get(key, snapshot === undefined ? undefined : { transaction: snapshot as Transaction }),
    view: (key) => store.getBinaryFast(key),
    size: () => store.lastSize,
    has: (key) => store.getBinaryFast(key) !== undefined,
    put(key, value) {
      store.put(key, value);
    },
    remove: (key) => store.removeSync(key),
    entries: (span) => store.getRange(optionsOf(span, true)),
    keys: (span) => store.getKeys(optionsOf(span, false)),
    count: (span) => store.getKeysCount(optionsOf(span, false)),
  };
}
