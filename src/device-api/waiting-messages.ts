import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import type { MessageStore, StoredMessage } from '../storage/message-store.ts';

/** `ended`: it has its outcome, and is out of the store. `failed`: the store did not take that. */
export type WaitingEnd = 'ended' | 'failed';

export interface WaitingMessagesParts {
  readonly store: MessageStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this instance is the one that lets the message go on. */
  readonly mine: (id: string) => boolean;
  /** Lets a message go on; false when there is no room for it now. */
  readonly run: (message: StoredMessage, done: (end: WaitingEnd) => void) => boolean;
}

/** Messages that go on at once, read from the store at one time. */
const BATCH = 200;
const MAX_UNDER_WAY = 1_000;
/** Pause before the next look when there was no room, or the store failed. */
const PAUSE_MS = 250;
/** Pause before the next look at messages of other instances, ms. */
const OTHERS_MS = 5_000;
/** Wall time may be set: no sleep is longer, ms. */
const MAX_SLEEP_MS = 60_000;

/**
 * Lets stored messages go on when they are due, each once while this process lives. They are in the store until they have
 * their outcome: whatever a crash leaves there goes on after the next start.
 */
export class WaitingMessages {
  readonly #parts: WaitingMessagesParts;
  /** Ids of messages that are being stored or run: no look into the store may start them again. */
  readonly #taken = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | undefined;
  /** More is due than the last look took. */
  #more = false;
  #running = false;

  constructor(parts: WaitingMessagesParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = true;
    this.#wake(0);
  }

  /** Nothing starts any more; what is stored stays there. */
  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Stores a message; then exactly one of `begin` and `release` must be called for it. */
  async put(message: StoredMessage): Promise<'stored' | 'full' | 'unknown-originator'> {
    this.#taken.add(message.id);
    try {
      const result = await this.#parts.store.put(message);
      if (result !== 'stored') this.#taken.delete(message.id);
      return result;
    } catch (error) {
      this.#taken.delete(message.id);
      throw error;
    }
  }

  /** The message from which it came has ended: it goes on when it is due. */
  begin(message: StoredMessage): void {
    const inMs = message.dueAt - this.#parts.clock.now();
    if (this.#running && inMs <= 0 && this.#taken.size <= MAX_UNDER_WAY) this.#run(message);
    else this.release(message);
  }

  /** The message from which it came could not be stored: it goes on all the same, like after a crash. */
  release(message: StoredMessage): void {
    this.#taken.delete(message.id);
    this.#wake(Math.max(PAUSE_MS, message.dueAt - this.#parts.clock.now()));
  }

  #run(message: StoredMessage): void {
    this.#taken.add(message.id);
    const accepted = this.#parts.run(message, (end) => {
      this.#taken.delete(message.id);
      if (end === 'failed') this.#wake(PAUSE_MS);
      else if (this.#more) this.#wake(0);
    });
    if (accepted) return;
    this.#taken.delete(message.id);
    this.#wake(PAUSE_MS);
  }

  /** Looks into the store in so many milliseconds at the latest. */
  #wake(inMs: number): void {
    if (!this.#running) return;
    const at = this.#parts.clock.monotonic() + Math.min(inMs, MAX_SLEEP_MS);
    if (this.#timer !== undefined && this.#wakeAt <= at) return;
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        // One look at a time: the next begins when this one has ended.
        this.#looking = (this.#looking ?? Promise.resolve()).then(() => this.#look());
      },
      Math.min(inMs, MAX_SLEEP_MS),
    );
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (!this.#running) return;
    const { store, clock, log, mine } = this.#parts;
    try {
      let others = false;
      const now = clock.now();
      const limit = BATCH + this.#taken.size;
      const due = await store.due(now, limit);
      this.#more = due.length === limit;
      for (const message of due) {
        if (!this.#running || this.#taken.size >= MAX_UNDER_WAY) break;
        if (this.#taken.has(message.id)) continue;
        if (mine(message.id)) this.#run(message);
        else others = true;
      }
      const next = await store.nextDue(now);
      if (others) this.#wake(OTHERS_MS); // they may end before they have let it go on
      if (this.#more) this.#wake(PAUSE_MS);
      else if (next !== undefined) this.#wake(Math.max(0, next - clock.now()));
    } catch (error) {
      log.error({ event: 'msg.waiting-unread', err: error }, 'stored messages cannot be read');
      this.#wake(MAX_SLEEP_MS);
    }
  }
}
