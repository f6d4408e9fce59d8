import { ScriptFailure } from './failure.ts';
import type { ScriptLimits } from './limits.ts';
import { nameOf, ScriptFunction, type Value } from './values.ts';

/**
 * The running state of one compiled script: what it may still use, the message's clock, and where it stands. A run never
 * overlaps another, so that one meter serves them all.
 */
export class Meter {
  readonly limits: ScriptLimits;
  /** Offset in the source of what is being done: where a failure happened. */
  at = 0;
  /** Wall time of the run, ms. */
  now = 0;
  depth = 0;
  /** What the `return` under way gives. */
  returned: Value = undefined;
  #fuel = 0;

  constructor(limits: ScriptLimits) {
    this.limits = limits;
  }

  start(now: number): void {
    this.#fuel = this.limits.fuel;
    this.depth = 0;
    this.at = 0;
    this.now = now;
    this.returned = undefined;
  }

  spend(amount: number): void {
    this.#fuel -= amount;
    if (this.#fuel < 0) throw new ScriptFailure(`ran longer than ${this.limits.fuel} units of fuel`, true);
  }

  enter(levels: number): void {
    this.depth += levels;
    if (this.depth > this.limits.depth) throw new ScriptFailure('functions call each other too deep', true);
  }

  /** The text, when it is not too long. */
  text(text: string): string {
    if (text.length > 64) {
      if (text.length > this.limits.text) this.#tooLong();
      this.spend(text.length >> 6);
    }
    return text;
  }

  /** Before a text of this length is made. */
  willMakeText(length: number): void {
    if (length > this.limits.text) this.#tooLong();
  }

  /** Before a list of this length is made or walked. */
  items(count: number): void {
    if (count > this.limits.items)
      throw new ScriptFailure(`a list or object has more than ${this.limits.items} items`, true);
    this.spend(count >> 3);
  }

  /** Before a text is searched for another: the worst case of any search. */
  search(text: string, wanted: string): void {
    this.spend((text.length >> 6) + Math.floor((text.length * wanted.length) / 64));
  }

  /** Calls what a script gave as a callback. */
  call(callback: Value, args: readonly Value[]): Value {
    if (!(callback instanceof ScriptFunction)) throw new ScriptFailure(`expected a function, not ${nameOf(callback)}`);
    return callback.call(args);
  }

  #tooLong(): never {
    throw new ScriptFailure(`a text is longer than ${this.limits.text} characters`, true);
  }
}
