import { ExactNumber } from '../../model/json.ts';
import { Secret } from '../../model/secret.ts';
import type { ScriptFailure } from './failure.ts';

/**
 * All that a script can hold. Members are always own data properties, read and written through `members.ts`: no prototype
 * is ever reached. `ExactNumber` and `Secret` come with a message and can be handed on as they are.
 */
export type Value =
  | undefined
  | null
  | boolean
  | number
  | string
  | ExactNumber
  | Secret
  | ScriptDate
  | ScriptFunction
  | Value[]
  | ScriptObject;

export interface ScriptObject {
  [key: string]: Value;
}

/** A point in time; all its parts are read in UTC. */
export class ScriptDate {
  ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/** A function of the script, or a global one handed on as a value. */
export class ScriptFunction {
  readonly call: (args: readonly Value[]) => Value;

  constructor(call: (args: readonly Value[]) => Value) {
    this.call = call;
  }
}

/** An object with members, as opposed to lists, dates, functions, secrets and exact numbers. */
export function isObject(value: Value): value is ScriptObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber) &&
    !(value instanceof Secret) &&
    !(value instanceof ScriptDate) &&
    !(value instanceof ScriptFunction)
  );
}

/** A value's kind in the words of a failure; never the value itself, which may be personal. */
export function nameOf(value: Value): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'boolean') return `${value}`;
  if (typeof value === 'number' || value instanceof ExactNumber) return 'a number';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Secret) return 'a secret';
  if (value instanceof ScriptDate) return 'a date';
  return value instanceof ScriptFunction ? 'a function' : 'an object';
}

/** What a thrown failure is to the script's own `catch`. */
export const caughtError = (failure: ScriptFailure): ScriptObject => ({ name: 'Error', message: failure.message });
