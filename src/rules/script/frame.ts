import type { Value } from './values.ts';

/** The variables of one running function, or of one turn of a loop whose variables outlive it in a function. */
export class Frame {
  readonly vars: Value[];
  readonly parent: Frame;

  constructor(vars: Value[], parent?: Frame) {
    this.vars = vars;
    this.parent = parent ?? this;
  }
}

/** How a statement ended. */
export const NORMAL = 0;
export const BREAK = 1;
export const CONTINUE = 2;
export const RETURN = 3;
export type Signal = typeof NORMAL | typeof BREAK | typeof CONTINUE | typeof RETURN;

/** A compiled expression, and a compiled statement. */
export type Exec = (frame: Frame) => Value;
export type Step = (frame: Frame) => Signal;

/** A frame as the compiler sees it: how many variables it has. */
export interface FrameShape {
  size: number;
  readonly parent: FrameShape | undefined;
}

export interface Variable {
  readonly frame: FrameShape;
  readonly slot: number;
  readonly constant: boolean;
}

/** Names that can be seen from one place of a script. */
export class Scope {
  readonly frame: FrameShape;
  readonly parent: Scope | undefined;
  readonly #names = new Map<string, Variable>();
  #unlocked = false;

  constructor(frame: FrameShape, parent: Scope | undefined) {
    this.frame = frame;
    this.parent = parent;
  }

  declare(name: string, constant = false): Variable {
    const variable: Variable = { frame: this.frame, slot: this.frame.size++, constant };
    this.#names.set(name, variable);
    return variable;
  }

  own(name: string): Variable | undefined {
    return this.#names.get(name);
  }

  find(name: string): Variable | undefined {
    const own = this.#names.get(name) ?? this.parent?.find(name);
    return own && this.#unlocked ? { ...own, constant: false } : own;
  }

  /** The same place, where constants may be written: for the declaration itself. */
  unlocked(): Scope {
    const scope = new Scope(this.frame, this);
    scope.#unlocked = true;
    return scope;
  }

  /** Frames between this place and the variable's. */
  hopsTo(variable: Variable): number {
    let hops = 0;
    for (let frame: FrameShape | undefined = this.frame; frame !== undefined; frame = frame.parent, hops++) {
      if (frame === variable.frame) return hops;
    }
    throw new Error('a variable of no frame around');
  }
}

/** Reads a variable that is so many frames away. */
export function reader(hops: number, slot: number): Exec {
  if (hops === 0) return (frame) => frame.vars[slot];
  if (hops === 1) return (frame) => frame.parent.vars[slot];
  return (frame) => up(frame, hops).vars[slot];
}

export function writer(hops: number, slot: number): (frame: Frame, value: Value) => void {
  if (hops === 0) {
    return (frame, value) => {
      frame.vars[slot] = value;
    };
  }
  return (frame, value) => {
    up(frame, hops).vars[slot] = value;
  };
}

function up(from: Frame, hops: number): Frame {
  let frame = from;
  for (let left = hops; left > 0; left--) frame = frame.parent;
  return frame;
}
