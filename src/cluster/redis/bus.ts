import { randomBytes } from 'node:crypto';
import type { Log } from '../../observe/index.ts';
import type { RedisConnection } from '../../storage/redis/connection.ts';
import type { Queue } from '../../storage/redis/queue.ts';
import type { Bus, BusListener, RunId } from '../bus.ts';
import { formatBusMessage, parseBusMessage } from '../bus-format.ts';
import { inboxKey, KEYS } from './keys.ts';

/** Messages that an inbox keeps, about: what a reader is behind by more is lost. */
export const MAX_INBOX = 10_000;
/** Messages read at a time, of each stream. */
const COUNT = 256;
/** A read waits so long, below the time after which a silent connection is given up, ms. */
const BLOCK_MS = 2_000;
const RETRY_MS = 100;
/** Messages of one sender that a repeat is known by: a connection that is cut resends what was under way, an inbox at most. */
const REMEMBERED = MAX_INBOX;
const MAX_SENDERS = 1_000;

type Entries = readonly (readonly [id: string, fields: readonly string[]])[];

export interface RedisBusParts {
  readonly queue: Queue;
  /** For blocking reads, and nothing else. */
  readonly reader: RedisConnection;
  readonly self: RunId;
  readonly log: Log;
}

interface RedisBus extends Bus {
  /** Reads from here on; the inbox must be there. */
  start(): Promise<void>;
}

/** One stream for each instance and one for all of them, read by id: a reconnect goes on where it stood. */
export function redisBus({ queue, reader, self, log }: RedisBusParts): RedisBus {
  const listeners = new Set<BusListener>();
  const gaps = new Set<() => void>();
  const streams = [inboxKey(self), KEYS.toAll];
  const seen = new Map<string, Set<string>>();
  /** Of this bus, since a resent message must be known by its id. */
  const prefix = randomBytes(6).toString('base64url');
  /** The inbox is as young as this run: it is read from its beginning. */
  const places: Place[] = streams.map(() => ({ last: '0-0', read: 0 }));
  let sent = 0;
  let stopped = false;
  let unsure = false;
  let wake: (() => void) | undefined;

  reader.onChange(() => {
    unsure = true; // what came between is read by id; whether it is still there is asked
    wake?.();
  });

  const isNew = (from: string, id: string): boolean => {
    const ids = seen.get(from) ?? new Set();
    if (ids.has(id)) return false;
    seen.delete(from);
    seen.set(from, ids.add(id));
    if (ids.size > REMEMBERED) ids.delete(ids.values().next().value ?? '');
    if (seen.size > MAX_SENDERS) seen.delete(seen.keys().next().value ?? '');
    return true;
  };

  const hear = (fields: readonly string[]): void => {
    const [, from = '', , id = '', , text = ''] = fields;
    if (from === self || !isNew(from, id)) return;
    const message = parseBusMessage(text);
    if (message === undefined) {
      log.debug({ event: 'cluster.unknown-message', from, bytes: text.length }, 'a message of an instance is unknown');
      return;
    }
    for (const listener of [...listeners]) listener(message, from as RunId);
  };

  /** Whether entries behind the last one read are gone, or the stream itself was lost. */
  const missed = async (): Promise<boolean> => {
    let gap = false;
    for (const [index, place] of places.entries()) {
      const info = await infoOf(queue, streams[index] ?? '');
      const lost = info === undefined || older(info.newest, place.last);
      if (lost || info.removed > place.read) gap = true;
      if (lost) Object.assign(place, placeOf(info));
      else if (info.removed > place.read) place.read = info.removed;
    }
    return gap;
  };

  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const readOnce = async (): Promise<void> => {
    if (unsure) {
      unsure = false;
      if (await missed()) for (const listener of gaps) listener();
    }
    const words = ['COUNT', COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', ...streams, ...places.map(({ last }) => last)];
    const reply = (await reader.send('xread', words)) as readonly (readonly [string, Entries])[] | null;
    for (const [key, entries] of (stopped ? null : reply) ?? []) {
      const place = places[streams.indexOf(key)];
      if (place === undefined) continue;
      place.last = entries.at(-1)?.[0] ?? place.last;
      place.read += entries.length;
      if (entries.length >= COUNT) unsure = true;
      for (const [, fields] of entries) hear(fields);
    }
  };

  const read = async (): Promise<void> => {
    while (!stopped) {
      try {
        if (reader.ready) await readOnce();
        else await pause();
      } catch (error) {
        unsure = true;
        if (!stopped) {
          log.debug({ event: 'cluster.read', err: error }, 'messages of other instances could not be read');
          await pause();
        }
      }
    }
  };

  return {
    self,
    async start() {
      Object.assign(places[1] ?? {}, placeOf(await infoOf(queue, KEYS.toAll)));
      void read();
    },
    async publish(to, message) {
      const text = formatBusMessage(message);
      if (to === self) return;
      const key = to === 'all' ? KEYS.toAll : inboxKey(to);
      const entry = ['from', self, 'id', `${prefix}${++sent}`, 'message', text];
      await queue.send('xadd', [key, 'NOMKSTREAM', 'MAXLEN', '~', MAX_INBOX, '*', ...entry]);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onGap(listener) {
      gaps.add(listener);
      return () => void gaps.delete(listener);
    },
    async close() {
      stopped = true;
      wake?.();
      // Not waited for: a read that is on its way when the connection goes is never settled.
      reader.close();
    },
  };
}

interface Place {
  last: string;
  /** Entries read, or known to be gone. */
  read: number;
}

interface StreamInfo {
  readonly newest: string;
  readonly added: number;
  /** Entries that the stream keeps no more. */
  readonly removed: number;
}

/** Behind everything that the stream has now. */
const placeOf = (info: StreamInfo | undefined): Place => ({ last: info?.newest ?? '0-0', read: info?.added ?? 0 });

async function infoOf(queue: Queue, key: string): Promise<StreamInfo | undefined> {
  // XINFO of a stream that is not there is an error: that is asked first.
  if ((await queue.send('exists', [key])) === 0) return undefined;
  const words = (await queue.send('xinfo', ['STREAM', key])) as readonly unknown[];
  const word = (name: string): unknown => words[words.indexOf(name) + 1];
  const added = Number(word('entries-added'));
  return { newest: String(word('last-generated-id')), added, removed: added - Number(word('length')) };
}

/** Whether id `a` is smaller than id `b`. */
function older(a: string, b: string): boolean {
  const [aMs = 0, aNumber = 0] = a.split('-').map(Number);
  const [bMs = 0, bNumber = 0] = b.split('-').map(Number);
  return aMs === bMs ? aNumber < bNumber : aMs < bMs;
}
