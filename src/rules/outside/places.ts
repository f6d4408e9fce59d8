import { NodeFailure } from '../node-kind.ts';

/**
 * Bounds the calls of one node that are under way: a slow service costs its own messages, never the memory of the broker.
 */
export class Places {
  readonly #max: number;
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws NodeFailure when every place is taken. */
  async with<T>(call: () => Promise<T>): Promise<T> {
    if (this.#used >= this.#max) throw new NodeFailure(`${this.#max} calls are under way already`);
    this.#used++;
    try {
      return await call();
    } finally {
      this.#used--;
    }
  }
}
