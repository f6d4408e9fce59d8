export interface GrowingPauseOptions {
  /** Failures that cost nothing. */
  readonly free: number;
  /** The pause after the first failure beyond `free`; each further one doubles it. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** This long without a failure forgives one. */
  readonly decayMs: number;
  /** Beyond this many keys, the one that failed longest ago is forgotten. */
  readonly maxKeys: number;
}

export type PauseVerdict = { readonly allowed: true } | { readonly allowed: false; readonly retryAfterMs: number };

interface Entry {
  failures: number;
  lastFailureMs: number;
  pauseMs: number;
}

const ALLOWED: PauseVerdict = { allowed: true };

/**
 * Slows down who keeps failing, by key (an address): wrong passwords, refused provisioning. Bounded memory, no timers.
 * After a clock stepped back, a pause begins anew at the next check.
 */
export class GrowingPause {
  readonly #options: GrowingPauseOptions;
  /** In the order of the last failure, oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** Failures beyond this add nothing: the pause is at its longest, and decay must end in reasonable time. */
  readonly #mostFailures: number;

  constructor(options: GrowingPauseOptions) {
    this.#options = options;
    const doublings = Math.ceil(Math.log2(Math.max(1, options.maxMs / options.baseMs)));
    this.#mostFailures = options.free + 1 + doublings;
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether the key may try at this time. */
  check(key: string, nowMs: number): PauseVerdict {
    const entry = this.#entries.get(key);
    if (entry === undefined) return ALLOWED;
    if (nowMs < entry.lastFailureMs) entry.lastFailureMs = nowMs;
    const leftMs = entry.lastFailureMs + entry.pauseMs - nowMs;
    if (leftMs > 0) return { allowed: false, retryAfterMs: Math.ceil(leftMs) };
    if (this.#failuresAt(entry, nowMs) === 0) this.#entries.delete(key);
    return ALLOWED;
  }

  /** Counts a failure and starts the pause it earns. */
  fail(key: string, nowMs: number): void {
    const { free, baseMs, maxMs, maxKeys } = this.#options;
    const entry = this.#entries.get(key) ?? { failures: 0, lastFailureMs: nowMs, pauseMs: 0 };
    entry.failures = Math.min(this.#mostFailures, this.#failuresAt(entry, nowMs) + 1);
    entry.lastFailureMs = nowMs;
    entry.pauseMs = entry.failures > free ? Math.min(maxMs, baseMs * 2 ** (entry.failures - free - 1)) : 0;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    while (this.#entries.size > maxKeys) {
      const oldest = this.#entries.keys().next();
      if (oldest.done === true) return;
      this.#entries.delete(oldest.value);
    }
  }

  /** Forgets the key's failures. */
  succeed(key: string): void {
    this.#entries.delete(key);
  }

  /** Failures left after decay, which begins when the pause has ended. */
  #failuresAt(entry: Entry, nowMs: number): number {
    const quietMs = nowMs - entry.lastFailureMs - entry.pauseMs;
    return quietMs <= 0 ? entry.failures : Math.max(0, entry.failures - Math.floor(quietMs / this.#options.decayMs));
  }
}
