import type { Clock } from '../model/clock.ts';
import { GrowingPause } from '../model/growing-pause.ts';

export interface RefusalPauseOptions {
  /** Refusals per address before pauses begin. */
  readonly free: number;
  readonly baseMs: number;
  readonly maxMs: number;
  /** Refused peers of one address that may wait for their answer at a time. */
  readonly maxHeldPerAddress: number;
  readonly maxHeld: number;
}

/**
 * Slows down guessing: a refusal's answer is held back for a pause that grows with the refusals of its address. A right
 * answer is never held back, so honest devices behind the same NAT address are not shut out (design.md 5.12).
 */
export class RefusalPause {
  readonly #pause: GrowingPause;
  readonly #held = new Map<string, number>();
  readonly #timers = new Map<NodeJS.Timeout, () => void>();
  readonly #options: RefusalPauseOptions;
  readonly #clock: Clock;
  #heldTotal = 0;
  #closed = false;

  constructor(options: RefusalPauseOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    const { free, baseMs, maxMs } = options;
    this.#pause = new GrowingPause({ free, baseMs, maxMs, maxKeys: 100_000, decayMs: 600_000 });
  }

  /** Counts a refusal and waits its pause; `drop` at once when too many of the address wait already: hang up unanswered. */
  async refused(address: string): Promise<'answer' | 'drop'> {
    const held = this.#held.get(address) ?? 0;
    this.#pause.fail(address, this.#clock.monotonic());
    const state = this.#pause.check(address, this.#clock.monotonic());
    if (state.allowed || this.#closed) return 'answer';
    if (held >= this.#options.maxHeldPerAddress || this.#heldTotal >= this.#options.maxHeld) return 'drop';
    this.#held.set(address, held + 1);
    this.#heldTotal++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, state.retryAfterMs);
      this.#timers.set(timer, resolve);
    });
    const now = (this.#held.get(address) ?? 1) - 1;
    if (now <= 0) this.#held.delete(address);
    else this.#held.set(address, now);
    this.#heldTotal--;
    return 'answer';
  }

  /** Lets everyone go who still waits. */
  close(): void {
    this.#closed = true;
    for (const [timer, resolve] of this.#timers) {
      clearTimeout(timer);
      resolve();
    }
    this.#timers.clear();
  }
}
