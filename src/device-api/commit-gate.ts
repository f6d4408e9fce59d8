import type { WriteLanes } from '../storage/storage.ts';

/** Called when everything before it is durable (no error) or its own writes failed. */
export type Released = (error?: unknown) => void;

interface Group {
  readonly commit: Promise<unknown> | undefined;
  readonly released: Released[];
}

/**
 * Releases finished messages in the order they finished, each when its writes are durable. Messages that wait for the same
 * commit share one promise; a message without writes waits only for those before it.
 */
export class CommitGate {
  #tail: Promise<void> = Promise.resolve();
  #last: Group | undefined;

  /** @param commit the promise of the message's writes; undefined = it wrote nothing. */
  pass(commit: Promise<unknown> | undefined, released: Released): void {
    const last = this.#last;
    if (last && (commit === undefined || last.commit === commit)) last.released.push(released);
    else if (commit === undefined) released();
    else this.#begin(commit, released);
  }

  #begin(commit: Promise<unknown>, released: Released): void {
    const group: Group = { commit, released: [released] };
    this.#last = group;
    // A failed commit is an outcome of this group's messages, not of those behind it.
    const outcome = commit.then(
      () => ({ ok: true as const }),
      (error: unknown) => ({ ok: false as const, error }),
    );
    this.#tail = this.#tail.then(async () => {
      const result = await outcome;
      if (this.#last === group) this.#last = undefined;
      for (const release of group.released) {
        if (result.ok) release();
        else release(result.error ?? new Error('commit failed'));
      }
    });
  }

  /** Resolves when everything that passed so far is released. */
  drained(): Promise<void> {
    return this.#tail;
  }
}

/** A gate for each lane of the store: messages of one that is stuck hold up no others. */
export class CommitGates {
  readonly #lanes: WriteLanes;
  readonly #gates: readonly [CommitGate, ...CommitGate[]];

  constructor(lanes: WriteLanes) {
    this.#lanes = lanes;
    this.#gates = [new CommitGate(), ...Array.from({ length: lanes.count - 1 }, () => new CommitGate())];
  }

  /** The gate of the messages of an originator. */
  of(originatorId: string): CommitGate {
    return this.#gates[this.#lanes.of(originatorId)] ?? this.#gates[0];
  }

  /** Resolves when everything that passed any of them so far is released. */
  async drained(): Promise<void> {
    await Promise.all(this.#gates.map((gate) => gate.drained()));
  }
}
