import type { Log } from '../observe/index.ts';
import type { Generation } from '../rules/index.ts';

/** Time beyond the deadline of its last message. */
const GRACE_MS = 1_000;
/** Without a deadline nobody knows how long a message may take. */
const NO_DEADLINE_MS = 60_000;

/** Generations that get no new message: what their nodes hold open is closed once the last one must have ended. */
export class RetiredGenerations {
  readonly #waitMs: number;
  readonly #log: Log;
  readonly #waiting = new Map<Generation, NodeJS.Timeout>();

  /** @param deadlineMs of a message; 0 = none. */
  constructor(deadlineMs: number, log: Log) {
    this.#waitMs = (deadlineMs === 0 ? NO_DEADLINE_MS : deadlineMs) + GRACE_MS;
    this.#log = log;
  }

  add(generation: Generation): void {
    const timer = setTimeout(() => void this.#end(generation), this.#waitMs);
    timer.unref();
    this.#waiting.set(generation, timer);
  }

  /** Closes all of them now. */
  async close(): Promise<void> {
    await Promise.all([...this.#waiting.keys()].map((generation) => this.#end(generation)));
  }

  async #end(generation: Generation): Promise<void> {
    clearTimeout(this.#waiting.get(generation));
    this.#waiting.delete(generation);
    try {
      await generation.close();
    } catch (err) {
      this.#log.warn({ event: 'chains.close', generation: generation.id, err }, 'a former generation did not close');
    }
  }
}
