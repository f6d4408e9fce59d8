import type { Clock } from '../../model/clock.ts';
import { type Answer, observeOption } from './answer.ts';
import type { Downloads } from './downloads.ts';
import type { Endpoint } from './endpoint.ts';
import type { CoapRequest, Peer } from './request.ts';

export interface ObservationParts {
  readonly endpoint: Endpoint;
  readonly downloads: Downloads;
  readonly clock: Clock;
  /** An observation without a word from its peer for so long is asked whether it is there, ms. */
  readonly checkMs: number;
}

interface Waiting {
  readonly answer: Answer;
  /** Hears once whether the peer has taken it. */
  readonly heard: (taken: boolean) => void;
}

/** Notifications of one observation that may wait. */
const MAX_WAITING = 100;
/** Sequence numbers have 24 bits (RFC 7641 3.4). */
const SEQUENCES = 0x1000000;
/**
 * An observation begins so many a millisecond above one that began before it, also of another run of the broker: clients
 * drop what is not newer than the last of their token, for 128 s, in which the numbers go less than half round.
 */
const SEQUENCES_PER_MS = 32;

/** One GET with Observe: notifications go out one by one, each once the one before has been acknowledged (RFC 7641 4.5). */
export class Observation {
  readonly #parts: ObservationParts;
  readonly #request: Pick<CoapRequest, 'peer' | 'token' | 'resource' | 'block2'>;
  readonly #lost: () => void;
  readonly #waiting: Waiting[] = [];
  #sequence: number;
  #running = true;
  #ended = false;
  #check: NodeJS.Timeout | undefined;

  /** Nothing goes out before `start`. @param lost called once when the peer is gone or wants no more. */
  constructor(parts: ObservationParts, request: CoapRequest, lost: () => void) {
    const { peer, token, resource, block2 } = request;
    this.#parts = parts;
    this.#sequence = Math.floor(parts.clock.now() * SEQUENCES_PER_MS) % SEQUENCES;
    this.#request = { peer, token, resource, block2: block2 && { ...block2, number: 0, more: false } };
    this.#lost = lost;
  }

  get peer(): Peer {
    return this.#request.peer;
  }

  /** The answer to the registration itself. */
  first(answer: Answer): Answer {
    return { ...answer, options: [observeOption(this.#next())], written: () => this.#start() };
  }

  /** False: too many wait, or it has ended. */
  notify(answer: Answer, heard: (taken: boolean) => void = () => {}): boolean {
    if (this.#ended || this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push({ answer, heard });
    void this.#run();
    return true;
  }

  /** Ends it; with a code the peer is told (RFC 7641 3.2). */
  end(code?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#check);
    const { endpoint } = this.#parts;
    const { peer, token } = this.#request;
    if (code !== undefined) endpoint.tell(peer, token, { code, options: [], payload: Buffer.alloc(0) });
    for (const { heard } of this.#waiting.splice(0)) heard(false);
  }

  #start(): void {
    this.#running = false;
    this.#checkLater();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let next = this.#waiting.shift(); next !== undefined && !this.#ended; next = this.#waiting.shift()) {
      const taken = await this.#send(next.answer);
      next.heard(taken);
      if (!taken) this.#gone();
    }
    this.#running = false;
    if (!this.#ended) this.#checkLater();
  }

  async #send(answer: Answer): Promise<boolean> {
    const { endpoint, downloads } = this.#parts;
    const { peer, token } = this.#request;
    const reply = await downloads.reply(this.#request, { ...answer, options: [observeOption(this.#next())] });
    return (await endpoint.confirm(peer, token, reply)) === 'acknowledged';
  }

  #next(): number {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) % SEQUENCES;
    return sequence;
  }

  /** A peer that went without a word would be observed for ever. */
  #checkLater(): void {
    clearTimeout(this.#check);
    if (this.#ended) return;
    this.#check = setTimeout(() => void this.#ask(), this.#parts.checkMs);
    this.#check.unref();
  }

  async #ask(): Promise<void> {
    if (await this.#parts.endpoint.isThere(this.peer)) this.#checkLater();
    else this.#gone();
  }

  #gone(): void {
    if (this.#ended) return;
    this.end();
    this.#lost();
  }
}
