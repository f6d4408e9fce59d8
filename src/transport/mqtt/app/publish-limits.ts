import { parseRateLimit, TokenBuckets } from '../../../model/rate-limit.ts';

/** How fast the clients of one key may publish, all connections of the key together. */
export class PublishLimits {
  readonly #buckets = new Map<string, TokenBuckets>();
  readonly #rate: string;

  /** @param rate as `capacity:seconds[,…]`; empty: no limit. */
  constructor(rate: string) {
    this.#rate = rate;
  }

  /** @param now ms, never back. */
  take(owner: string, now: number): boolean {
    if (this.#rate === '') return true;
    return this.#of(owner).tryTake(1, now);
  }

  /** Forgets all but these: keys come and go. */
  keep(owners: ReadonlySet<string>): void {
    for (const owner of this.#buckets.keys()) if (!owners.has(owner)) this.#buckets.delete(owner);
  }

  #of(owner: string): TokenBuckets {
    const known = this.#buckets.get(owner);
    if (known) return known;
    const parsed = parseRateLimit(this.#rate);
    const buckets = new TokenBuckets(parsed.ok ? parsed.value : []); // the configuration takes none that does not parse
    this.#buckets.set(owner, buckets);
    return buckets;
  }
}
