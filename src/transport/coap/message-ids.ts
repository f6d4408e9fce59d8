import { randomInt } from 'node:crypto';
import type { Peer } from './request.ts';

const MAX_PEERS = 50_000;
const IDS = 65_536;

/** Ids of our own messages: counted for each peer, so that none comes twice within its lifetime (RFC 7252 4.4). */
export class MessageIds {
  /** The peer that got one longest ago first. */
  readonly #next = new Map<string, number>();

  next({ key }: Peer): number {
    const id = this.#next.get(key) ?? randomInt(IDS);
    this.#next.delete(key);
    this.#next.set(key, (id + 1) % IDS);
    if (this.#next.size > MAX_PEERS) this.#forgetOldest();
    return id;
  }

  #forgetOldest(): void {
    const [oldest] = this.#next.keys();
    if (oldest !== undefined) this.#next.delete(oldest);
  }
}
