import { BrokerError } from '../errors.ts';

/** A small record of a part that needs no table of its own. */
export interface StoredDocument {
  readonly key: string;
  /** Counted from 1 with each write. */
  readonly version: number;
  readonly text: string;
  /** From then on it is as if it were not there, ms since 1970; absent = never. */
  readonly expiresAt?: number;
}

export interface DocumentChange {
  readonly kind: string;
  /** Text without control characters, at most 500 characters. */
  readonly key: string;
  /** Absent: the document is removed. */
  readonly text?: string;
  readonly expiresAt?: number;
  /** The version that must stand; 0: there must be none. Absent: whatever stands. */
  readonly expected?: number;
}

export interface DocumentQuery {
  /** Keys that begin so. */
  readonly prefix?: string;
  /** From behind this key, whether it is there or not. */
  readonly after?: string;
  readonly limit: number;
  /** Wall time, ms: what has expired is left out. */
  readonly now: number;
}

/**
 * Documents by kind and key. Every promise of a write settles after the write is durable. Expired documents are removed a few
 * at a time with later writes.
 */
export interface DocumentStore {
  get(kind: string, key: string, now: number): Promise<StoredDocument | undefined>;
  /** In the order of the bytes of their keys. A page may be shorter than `limit` although more follow: then it is not empty. */
  list(kind: string, query: DocumentQuery): Promise<readonly StoredDocument[]>;
  /** How many there are, expired ones that are not removed yet included. */
  count(kind: string, prefix?: string): Promise<number>;
  /** All changes in one atomic step, or none of them: false when another version stands than one of them expects. */
  write(changes: readonly DocumentChange[], now: number): Promise<boolean>;
}

const KIND = /^[a-z][a-z-]{0,31}$/;
const CONTROLS = /\p{Cc}/u;
const MAX_KEY = 500;

/** Where a document stands: its kind, NUL, its key. Throws BAD_REQUEST for what no document may be called. */
export function documentPlace(kind: string, key: string): string {
  if (!KIND.test(kind)) throw new BrokerError('BAD_REQUEST', { field: 'kind', detail: 'is no kind of document' });
  if (key.length > MAX_KEY || CONTROLS.test(key)) {
    const detail = `must be text without control characters, at most ${MAX_KEY} characters`;
    throw new BrokerError('BAD_REQUEST', { field: 'key', detail });
  }
  return `${kind}\0${key}`;
}
