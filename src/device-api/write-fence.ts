/**
 * Lets reads see what was written before them: the store applies writes in call order, so once the last one has settled, all
 * before it have.
 */
export class WriteFence {
  #last: Promise<unknown> | undefined;

  note(write: Promise<unknown>): void {
    if (write !== this.#last) this.#follow(write);
  }

  #follow(write: Promise<unknown>): void {
    this.#last = write;
    const settled = (): void => {
      if (this.#last === write) this.#last = undefined;
    };
    // Whoever made the write hears of its failure.
    write.then(settled, settled);
  }

  /** Resolves when every write so far has settled; undefined when none is under way. */
  passed(): Promise<void> | undefined {
    const last = this.#last;
    return last?.then(nothing, nothing);
  }
}

const nothing = (): void => undefined;
