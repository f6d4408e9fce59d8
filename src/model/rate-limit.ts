/** One token bucket: it holds `capacity` tokens and fills from empty to full in `periodMs`, evenly. */
export interface RateBucket {
  readonly capacity: number;
  readonly periodMs: number;
}

/** Buckets that must all have a token; none means no limit. */
export type RateLimit = readonly RateBucket[];

export type RateLimitResult =
  | { readonly ok: true; readonly value: RateLimit }
  | { readonly ok: false; readonly error: { readonly problem: string; readonly at: number } };

const BUCKET = /^\s*([0-9]{1,15})\s*:\s*([0-9]{1,15})\s*$/;
const MAX_BUCKETS = 16;

/** Reads ThingsBoard's `capacity:seconds[,capacity:seconds…]`, such as `100:1,2000:60`; blank or absent is no limit. */
export function parseRateLimit(text: string | null | undefined): RateLimitResult {
  if (text === null || text === undefined || text.trim() === '') return { ok: true, value: [] };
  const buckets: RateBucket[] = [];
  let at = 0;
  for (const piece of text.split(',', MAX_BUCKETS + 1)) {
    const bucket = parseBucket(piece, buckets);
    if (typeof bucket === 'string') return { ok: false, error: { problem: bucket, at } };
    buckets.push(bucket);
    at += piece.length + 1;
  }
  return { ok: true, value: buckets };
}

/** The bucket, or what is wrong with it. */
function parseBucket(piece: string, before: RateLimit): RateBucket | string {
  if (before.length === MAX_BUCKETS) return `more than ${MAX_BUCKETS} limits`;
  const match = BUCKET.exec(piece);
  if (match === null) return 'expected capacity:seconds, for example 100:1,2000:60';
  const capacity = Number(match[1]);
  const periodMs = Number(match[2]) * 1000;
  if (capacity === 0) return 'a capacity of 0 would refuse everything';
  if (periodMs === 0) return 'a duration of 0 seconds has no rate';
  if (before.some((bucket) => bucket.periodMs === periodMs)) return `two limits for ${match[2]} seconds`;
  if (capacity * periodMs > Number.MAX_SAFE_INTEGER) return 'capacity times duration is too large';
  return { capacity, periodMs };
}

/** Back to the text form. */
export function formatRateLimit(limit: RateLimit): string {
  return limit.map(({ capacity, periodMs }) => `${capacity}:${periodMs / 1000}`).join(',');
}

/**
 * Token buckets of one subject; they start full and fill all the time. Levels are whole numbers of 1/periodMs token, so
 * whole milliseconds never round. A clock that steps back gives no tokens and costs none.
 */
export class TokenBuckets {
  readonly #limit: RateLimit;
  readonly #levels: number[];
  #lastMs: number | undefined;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#levels = limit.map(({ capacity, periodMs }) => capacity * periodMs);
  }

  /** Takes n tokens from every bucket, or none from any. More tokens than a bucket holds are never granted. */
  tryTake(n: number, nowMs: number): boolean {
    this.#refill(nowMs);
    for (let at = 0; at < this.#limit.length; at++) {
      if ((this.#levels[at] ?? 0) < n * (this.#limit[at]?.periodMs ?? 0)) return false;
    }
    for (let at = 0; at < this.#limit.length; at++) {
      this.#levels[at] = (this.#levels[at] ?? 0) - n * (this.#limit[at]?.periodMs ?? 0);
    }
    return true;
  }

  #refill(nowMs: number): void {
    const elapsedMs = this.#lastMs === undefined ? 0 : nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (elapsedMs <= 0) return;
    for (let at = 0; at < this.#limit.length; at++) {
      const { capacity = 0, periodMs = 0 } = this.#limit[at] ?? {};
      this.#levels[at] = Math.min(capacity * periodMs, (this.#levels[at] ?? 0) + elapsedMs * capacity);
    }
  }
}
