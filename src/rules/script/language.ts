import type { Meter } from './meter.ts';
import type { ScriptDate, ScriptObject, Value } from './values.ts';

export type ScriptLang = 'JS' | 'TBEL';

/** A function of the language: gets values, gives a value, and pays for its work with the meter's fuel. */
export type NativeFunction = (args: readonly Value[], m: Meter) => Value;
export type NativeMethod<S extends Value> = (self: S, args: readonly Value[], m: Meter) => Value;

/** What a method's name means on each type; a type that is missing does not have it. */
export interface Methods {
  readonly text?: NativeMethod<string>;
  readonly number?: NativeMethod<number>;
  readonly list?: NativeMethod<Value[]>;
  readonly object?: NativeMethod<ScriptObject>;
  readonly date?: NativeMethod<ScriptDate>;
  /** The call changes its object or list. */
  readonly mutates?: true;
}

export interface Namespace {
  readonly functions: ReadonlyMap<string, NativeFunction>;
  readonly constants: ReadonlyMap<string, Value>;
}

/** Everything that a script of one dialect can name and does not declare itself. */
export interface Language {
  readonly lang: ScriptLang;
  /** The comparison of `switch`. */
  readonly equals: (a: Value, b: Value, m: Meter) => boolean;
  /** What arithmetic with one operand makes of a value. */
  readonly number: (value: Value, m: Meter) => number;
  /** A map as the list of its {key, value}: what TBEL's foreach goes through. */
  readonly entries: (map: ScriptObject, m: Meter) => Value[];
  /** What a missing member reads as. */
  readonly absent: null | undefined;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly functions: ReadonlyMap<string, NativeFunction>;
  readonly constants: ReadonlyMap<string, Value>;
  readonly methods: ReadonlyMap<string, Methods>;
  /** What `new` makes: Date, Error. */
  readonly makers: ReadonlyMap<string, NativeFunction>;
  /** Words of JavaScript or TBEL that are known and not here -> what to write instead. */
  readonly hints: ReadonlyMap<string, string>;
}
