import { NodeFailure } from '../node-kind.ts';

/** How long a service that could not be reached is left alone: messages fail at once instead of waiting each. */
const PAUSE_MS = 1_000;

/**
 * A connection that is made when the first message needs it, shared by all, and made anew after it broke. At load and in
 * offline tools nothing is connected.
 */
export class Link<T> {
  readonly #open: () => Promise<T>;
  readonly #shut: (connection: T) => Promise<void>;
  #connection: Promise<T> | undefined;
  #restUntil = 0;
  #problem = '';
  #closed = false;

  constructor(open: () => Promise<T>, shut: (connection: T) => Promise<void>) {
    this.#open = open;
    this.#shut = shut;
  }

  /** @throws NodeFailure when it cannot be made. */
  async get(): Promise<T> {
    if (this.#closed) throw new NodeFailure('the chains have changed: this node is gone');
    if (this.#connection === undefined) {
      if (performance.now() < this.#restUntil) throw new NodeFailure(`not connected: ${this.#problem}`);
      this.#connection = this.#open();
    }
    try {
      return await this.#connection;
    } catch (error) {
      this.#connection = undefined;
      this.#problem = error instanceof Error ? error.message : String(error);
      this.#restUntil = performance.now() + PAUSE_MS;
      throw new NodeFailure(`not connected: ${this.#problem}`);
    }
  }

  /** Forgets a broken connection: the next message makes another. */
  drop(): void {
    const broken = this.#connection;
    this.#connection = undefined;
    // What is broken may refuse to be closed properly: it is given up either way.
    broken?.then(this.#shut).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    if (connection !== undefined) await this.#shut(connection);
  }
}
