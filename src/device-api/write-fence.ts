/**
 * Lets reads of an entity see what was written to it before them. Its writes may settle in any order, since stores for telemetry
 * and attributes need not wait for each other, nor do entities: a read waits for those of its own entity, and for all of them.
 */
export class WriteFence {
  /**
   * What settles with the writes under way of each entity; undefined where none is any more. Entries are not deleted one by one: a
   * map that shrinks and grows with each write leaves its tables in the old space, until a collection of the whole heap.
   */
  #underWay = new Map<string, Promise<unknown> | undefined>();
  #settled = 0;
  /** Entities of the write that was noted last: writes of one commit are one promise. */
  #last: { readonly write: Promise<unknown>; readonly entities: string[] } | undefined;

  note(entityId: string, write: Promise<unknown>): void {
    const before = this.#underWay.get(entityId);
    if (before === write) return;
    if (before === undefined) {
      if (this.#settled > 0 && this.#underWay.has(entityId)) this.#settled--;
      this.#underWay.set(entityId, write);
      this.#follow(entityId, write);
    } else {
      const both = Promise.allSettled([before, write]);
      this.#underWay.set(entityId, both);
      void both.then(() => this.#forget([entityId], both));
    }
  }

  #follow(entityId: string, write: Promise<unknown>): void {
    if (this.#last?.write === write) {
      this.#last.entities.push(entityId);
      return;
    }
    const last = { write, entities: [entityId] };
    this.#last = last;
    const settled = (): void => {
      if (this.#last === last) this.#last = undefined;
      this.#forget(last.entities, write);
    };
    // Whoever made the write hears of its failure.
    write.then(settled, settled);
  }

  #forget(entities: readonly string[], write: Promise<unknown>): void {
    for (const id of entities) {
      if (this.#underWay.get(id) !== write) continue;
      this.#underWay.set(id, undefined);
      this.#settled++;
    }
    if (this.#settled > MOST_SETTLED && this.#settled * 2 > this.#underWay.size) this.#sweep();
  }

  #sweep(): void {
    this.#underWay = new Map([...this.#underWay].filter(([, write]) => write !== undefined));
    this.#settled = 0;
  }

  /** Entities that it holds something of. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Resolves when every write to the entity so far has settled; undefined when none is under way. */
  passed(entityId: string): Promise<void> | undefined {
    return this.#underWay.get(entityId)?.then(nothing, nothing);
  }
}

/** Entities without a write under way that are kept, at least. */
const MOST_SETTLED = 1000;

const nothing = (): void => undefined;
