import { createHash } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { DocumentStore } from '../storage/document-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';

/** How serials are kept: as they are, or as SHA-256 in lower hex, which is how a maker may hand them over. */
export type SerialForm = 'serials' | 'hashed-serials';

export interface ListChange {
  readonly profile: string;
  readonly form: SerialForm;
  readonly serials: readonly string[];
  readonly by: string;
}

/** Serials that may get in, by profile (registration-protocols 3.3). */
export interface SerialLists {
  has(profile: string, form: SerialForm, serial: string): Promise<boolean>;
  /** Atomic. Gives how many were not there before. Throws BAD_REQUEST for what is no serial. */
  add(change: ListChange): Promise<number>;
  /** Atomic. Gives how many were there. */
  remove(change: ListChange): Promise<number>;
  /** As they are kept, in the order of their bytes. */
  list(
    profile: string,
    form: SerialForm,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]>;
  count(profile: string, form: SerialForm): Promise<number>;
}

export interface SerialListsParts {
  readonly documents: DocumentStore;
  readonly audit: AuditStore;
  readonly clock: Clock;
}

const KIND = 'allowed-serial';
const MAX_SERIAL = 255;
const HASH = /^[0-9a-f]{64}$/i;
const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
/** Names of profiles have every character, and length. */
const placeOf = (profile: string, form: SerialForm): string => `${sha256(profile).slice(0, 32)}/${form}/`;

/** What is wrong with a serial, in words. */
export function serialProblem(serial: string): string | undefined {
  if (serial.trim() === '') return 'is empty';
  if (serial.trim() !== serial) return 'begins or ends with white space';
  if (serial.length > MAX_SERIAL) return `is longer than ${MAX_SERIAL} characters`;
  return /[\p{Cc}\p{Surrogate}]/u.test(serial) ? 'holds a character that no serial has' : undefined;
}

export function createSerialLists({ documents, audit, clock }: SerialListsParts): SerialLists {
  /** What 64 hex digits spell is a hash already. */
  const keptAs = (form: SerialForm, serial: string): string => {
    if (form === 'serials') return serial;
    return HASH.test(serial) ? serial.toLowerCase() : sha256(serial);
  };
  const isThere = async (key: string): Promise<boolean> => (await documents.get(KIND, key, clock.now())) !== undefined;
  /** Keys of those that are, or are not there. */
  const keysOf = async ({ profile, form, serials }: ListChange, there: boolean): Promise<readonly string[]> => {
    const place = placeOf(profile, form);
    const keys = [...new Set(serials.map((serial) => place + keptAs(form, serial)))];
    const found = await Promise.all(keys.map(isThere));
    return keys.filter((_, at) => found[at] === there);
  };
  const note = ({ profile, by }: ListChange, action: string, count: number): Promise<void> =>
    audit.append({ at: clock.now(), action, by, subject: `profile:${profile}`, outcome: String(count) });
  return {
    has: (profile, form, serial) =>
      // What the device says is its serial, and never the hash of one.
      isThere(placeOf(profile, form) + (form === 'serials' ? serial : sha256(serial))),
    async add(change) {
      const problem = change.serials.map(serialProblem).find((one) => one !== undefined);
      if (problem) throw new BrokerError('BAD_REQUEST', { field: 'serials', detail: `a serial ${problem}` });
      const keys = await keysOf(change, false);
      await documents.write(
        keys.map((key) => ({ kind: KIND, key, text: '' })),
        clock.now(),
      );
      await note(change, 'serials.add', keys.length);
      return keys.length;
    },
    async remove(change) {
      const keys = await keysOf(change, true);
      await documents.write(
        keys.map((key) => ({ kind: KIND, key })),
        clock.now(),
      );
      await note(change, 'serials.remove', keys.length);
      return keys.length;
    },
    async list(profile, form, { after, limit }) {
      const prefix = placeOf(profile, form);
      const page = { prefix, limit, now: clock.now(), ...(after === undefined ? {} : { after: prefix + after }) };
      return (await documents.list(KIND, page)).map(({ key }) => key.slice(prefix.length));
    },
    count: (profile, form) => documents.count(KIND, placeOf(profile, form)),
  };
}
