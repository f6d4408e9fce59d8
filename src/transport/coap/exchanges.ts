import type { Peer } from './request.ts';

/** What became of a confirmable message. `busy`: too many are under way, nothing was sent. */
export type Outcome = 'acknowledged' | 'reset' | 'timeout' | 'busy' | 'closed';

/** Transmission parameters (RFC 7252 4.8). */
export interface Transmission {
  /** Time before the first repeat, ms; each further one takes twice as long. */
  readonly ackTimeoutMs: number;
  readonly maxRetransmit: number;
}

interface Exchange {
  readonly end: (outcome: Outcome) => void;
  timer: NodeJS.Timeout | undefined;
}

const RANDOM_FACTOR = 1.5;

/** Confirmable messages of ours that wait for their acknowledgement, sent again until it comes. */
export class Exchanges {
  readonly #waiting = new Map<string, Exchange>();
  readonly #transmission: Transmission;
  readonly #max: number;
  readonly #write: (peer: Peer, bytes: Buffer) => void;
  #repeats = 0;

  constructor(transmission: Transmission, max: number, write: (peer: Peer, bytes: Buffer) => void) {
    this.#transmission = transmission;
    this.#max = max;
    this.#write = write;
  }

  send(peer: Peer, id: number, bytes: Buffer): Promise<Outcome> {
    const key = `${peer.key}/${id}`;
    if (this.#waiting.size >= this.#max || this.#waiting.has(key)) return Promise.resolve('busy');
    const { ackTimeoutMs, maxRetransmit } = this.#transmission;
    return new Promise((resolve) => {
      const exchange: Exchange = {
        timer: undefined,
        end: (outcome) => {
          clearTimeout(exchange.timer);
          this.#waiting.delete(key);
          resolve(outcome);
        },
      };
      const attempt = (left: number, waitMs: number): void => {
        this.#write(peer, bytes);
        exchange.timer = setTimeout(() => {
          if (left === 0) return exchange.end('timeout');
          this.#repeats++;
          attempt(left - 1, waitMs * 2);
        }, waitMs);
      };
      this.#waiting.set(key, exchange);
      attempt(maxRetransmit, ackTimeoutMs * (1 + Math.random() * (RANDOM_FACTOR - 1)));
    });
  }

  /** An acknowledgement or a reset has come; those of nobody are let be. */
  heard({ key }: Peer, id: number, outcome: 'acknowledged' | 'reset'): void {
    this.#waiting.get(`${key}/${id}`)?.end(outcome);
  }

  close(): void {
    for (const exchange of [...this.#waiting.values()]) exchange.end('closed');
  }

  get repeats(): number {
    return this.#repeats;
  }
}
