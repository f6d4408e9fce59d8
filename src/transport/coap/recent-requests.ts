import type { Clock } from '../../model/clock.ts';
import type { Peer } from './request.ts';

/** A request of which a repeat may come (RFC 7252 4.5). */
export interface RecentRequest {
  readonly at: number;
  /** What a repeat is answered with; absent: with nothing. */
  answer?: Buffer;
  /** It has given way to newer ones. */
  forgotten?: true;
}

/** EXCHANGE_LIFETIME: an id is not used again before (RFC 7252 4.8.2). */
const LIFETIME_MS = 247_000;
/** Of an entry besides its answer, roughly. */
const ENTRY_BYTES = 300;
/** A map whose first entries were deleted is slow to begin with: they go in portions. */
const SWEEP_MS = 1_000;
const ROOM = 0.9;

/** Requests that were taken lately: a repeat gets the same answer and does nothing. Bounded: the oldest give way. */
export class RecentRequests {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  /** In the order they came. */
  readonly #entries = new Map<string, RecentRequest>();
  #bytes = 0;
  #sweepAt = 0;

  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  find({ key }: Peer, id: number): RecentRequest | undefined {
    const entry = this.#entries.get(`${key}/${id}`);
    return entry && entry.at > this.#clock.monotonic() - LIFETIME_MS ? entry : undefined;
  }

  add({ key }: Peer, id: number): RecentRequest {
    const entry: RecentRequest = { at: this.#clock.monotonic() };
    this.#forget(`${key}/${id}`);
    this.#entries.set(`${key}/${id}`, entry);
    this.#bytes += ENTRY_BYTES;
    this.#forgetOld();
    return entry;
  }

  answered(entry: RecentRequest, answer: Buffer): void {
    if (entry.forgotten) return;
    this.#bytes += answer.length - (entry.answer?.length ?? 0);
    entry.answer = answer;
  }

  get size(): number {
    return this.#entries.size;
  }

  #forgetOld(): void {
    const now = this.#clock.monotonic();
    if (this.#bytes <= this.#maxBytes && now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_MS;
    const most = this.#bytes > this.#maxBytes ? this.#maxBytes * ROOM : this.#maxBytes;
    for (const [key, entry] of this.#entries) {
      if (entry.at > now - LIFETIME_MS && this.#bytes <= most) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    entry.forgotten = true;
    this.#bytes -= ENTRY_BYTES + (entry.answer?.length ?? 0);
  }
}
