import { randomBytes } from 'node:crypto';
import type { AppOutlet } from '../device-api/index.ts';
import type { Publication } from '../model/publication.ts';
import type { Log } from '../observe/index.ts';
import type { OutboxStore } from '../storage/outbox-store.ts';
import { fromBytes, toBytes } from './publication.ts';

/** Who hands publications to app clients. */
export interface AppSink {
  /** Whether somebody would get it who has a connection now; never wrong when it says no. */
  readonly hasClients: boolean;
  /** Whether something must outlive this process: a stored session waits for the topic. */
  keeps(topic: string): boolean;
  /** Resolves when all stored sessions have it, and it is retained if it asks for that. */
  deliver(publication: Publication): Promise<void>;
}

/**
 * Publications of chains and app clients. One with QoS 1, or to be retained, is first in the outbox when a stored session waits
 * for it, in the commit of the message that it came from, and leaves that when all sessions have it: a crash loses none.
 */
export interface AppPublisher extends AppOutlet {
  /** From now on publications are told; first those that an earlier run left behind. */
  attach(sink: AppSink): Promise<void>;
  /** Resolves when nothing is on its way any more. What cannot be told stays in the outbox. */
  close(): Promise<void>;
  readonly counts: { published: number; lost: number };
  readonly waiting: number;
}

/** An outbox of several instances: each tells what it has published itself, and one what the dead have left. */
export interface SharedOutbox {
  readonly instanceId: string;
  /** Whether another instance, not this one, sees to what that one has published. */
  isElsewhere(instanceId: string): boolean;
}

export interface AppPublisherOptions {
  readonly outbox: OutboxStore;
  readonly log: Log;
  /** Absent when this process is the only one with the outbox. */
  readonly shared?: SharedOutbox;
  readonly now: () => number;
  /** Publications that may be on their way at a time. */
  readonly maxWaiting: number;
}

const PAGE = 200;
/** How often a shared outbox is looked through for what others have left, ms. */
const LOOK_MS = 5_000;
/** Pause before what could not be told is tried again, ms. */
const RETRY_MS = 1_000;

export function createAppPublisher({ outbox, log, shared, now, maxWaiting }: AppPublisherOptions): AppPublisher {
  const counts = { published: 0, lost: 0 };
  const owned = shared === undefined ? '' : `${shared.instanceId}~`;
  const isOurs = (id: string): boolean => {
    if (shared === undefined || id.startsWith(owned)) return true;
    return !shared.isElsewhere(id.slice(0, Math.max(0, id.indexOf('~'))));
  };
  // Ids sort by start and count; a run that began in the same millisecond as the one before differs at the end.
  const run = `${owned}${now().toString(36).padStart(9, '0')}-`;
  const suffix = randomBytes(3).toString('hex');
  const underWay = new Set<string>();
  const idle: (() => void)[] = [];
  let serial = 0;
  let waiting = 0;
  let sink: AppSink | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;
  let replaying: Promise<void> | undefined;
  let closed = false;

  const settle = (): void => {
    waiting--;
    if (waiting === 0) for (const tell of idle.splice(0)) tell();
  };

  const tell = async (publication: Publication, id: string | undefined): Promise<void> => {
    if (sink === undefined || closed) {
      if (id === undefined) counts.lost++;
      return;
    }
    try {
      await sink.deliver(publication);
      counts.published++;
      if (id !== undefined) await outbox.remove([id]);
    } catch (error) {
      if (id === undefined) counts.lost++;
      log.warn(
        { event: 'app.not-published', topic: publication.topic, err: error },
        'a publication waits in the outbox',
      );
      if (id !== undefined) retryLater();
    }
  };

  const replay = async (): Promise<void> => {
    let after: string | undefined;
    for (;;) {
      const items = await outbox.list(after, PAGE);
      for (const { id, bytes } of items) {
        if (closed) return;
        if (underWay.has(id) || !isOurs(id)) continue;
        const publication = fromBytes(bytes);
        if (publication) await tell(publication, id);
        else log.error({ event: 'app.damaged', id }, 'a publication in the outbox cannot be read: it stays there');
      }
      if (items.length < PAGE) return;
      after = items.at(-1)?.id;
    }
  };

  function retryLater(): void {
    if (timer !== undefined || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void startReplay();
    }, RETRY_MS);
    timer.unref();
  }

  const startReplay = (): Promise<void> => {
    replaying ??= replay()
      .catch((error: unknown) => {
        log.warn({ event: 'app.outbox', err: error }, 'the outbox cannot be read');
        retryLater();
      })
      .finally(() => {
        replaying = undefined;
      });
    return replaying;
  };

  return {
    hand(publication) {
      if (waiting >= maxWaiting) return undefined;
      waiting++;
      const lasting = publication.retain || (publication.qos > 0 && (sink?.keeps(publication.topic) ?? true));
      const id = lasting ? `${run}${(serial++).toString(36).padStart(10, '0')}-${suffix}` : undefined;
      if (id !== undefined) underWay.add(id);
      const end = (): void => {
        if (id !== undefined) underWay.delete(id);
        settle();
      };
      return {
        stored: id === undefined ? undefined : outbox.put({ id, bytes: toBytes(publication) }),
        async send() {
          if (id !== undefined || sink?.hasClients) await tell(publication, id);
          end();
        },
        drop() {
          if (id === undefined) {
            end();
            return;
          }
          const told = 'a publication of a message that was not stored may be told';
          outbox
            .remove([id])
            .catch((error: unknown) => log.warn({ event: 'app.outbox', err: error }, told))
            .finally(end);
        },
      };
    },
    async attach(to) {
      sink = to;
      if (shared !== undefined) {
        looking = setInterval(() => void startReplay(), LOOK_MS);
        looking.unref();
      }
      await startReplay();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(looking);
      await replaying;
      if (waiting > 0) await new Promise<void>((resolve) => idle.push(resolve));
    },
    counts,
    get waiting() {
      return waiting;
    },
  };
}
