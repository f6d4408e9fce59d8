import { type MessageRunner, TENANT_ORIGINATOR } from '../device-api/index.ts';
import { type Generation, SOURCE_TICK, type Source, sourcesOf } from '../rules/index.ts';

interface Running {
  readonly source: Source;
  timer: NodeJS.Timeout;
  made: number;
}

export interface SourcesParts {
  /** The generation in force. */
  readonly generation: () => Generation;
  /** Whether this instance is the one whose sources make messages. */
  readonly leads: () => boolean;
  readonly runAt: MessageRunner['runAt'];
}

/**
 * Asks the sources of the chains in force for their messages, in one instance of a system. A source whose times stay the same
 * in new files goes on where it was; the next message is made when the one before has its outcome.
 */
export class Sources {
  readonly #parts: SourcesParts;
  #running = new Map<string, Running>();
  #stopped = false;

  constructor(parts: SourcesParts) {
    this.#parts = parts;
  }

  /** Call at the start and after each change of the chains. */
  refresh(): void {
    if (this.#stopped) return;
    const former = this.#running;
    this.#running = new Map();
    for (const source of sourcesOf(this.#parts.generation().chains.values())) {
      const key = JSON.stringify(source);
      const known = former.get(key);
      former.delete(key);
      this.#running.set(key, known ?? this.#begin(source));
    }
    for (const { timer } of former.values()) clearTimeout(timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const { timer } of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
  }

  #begin(source: Source): Running {
    const running: Running = { source, made: 0, timer: setTimeout(() => this.#tick(running), source.everyMs) };
    return running;
  }

  #tick(running: Running): void {
    const { chain, node, everyMs, times } = running.source;
    const began = performance.now();
    const next = (): void => {
      if (running.made >= times || !this.#isIn(running)) return;
      running.timer = setTimeout(() => this.#tick(running), Math.max(0, everyMs - (performance.now() - began)));
    };
    if (!this.#parts.leads()) {
      next();
      return;
    }
    running.made++;
    const metadata = { number: String(running.made) };
    const tick = { type: SOURCE_TICK, originator: TENANT_ORIGINATOR, data: {}, metadata } as const;
    this.#parts.runAt({ chain, node }, tick, next);
  }

  #isIn(running: Running): boolean {
    return this.#running.get(JSON.stringify(running.source)) === running;
  }
}
