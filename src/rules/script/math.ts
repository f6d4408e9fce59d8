import type { Namespace, NativeFunction } from './language.ts';
import type { Meter } from './meter.ts';
import type { Value } from './values.ts';

const ONE = [
  'abs',
  'acos',
  'asin',
  'atan',
  'cbrt',
  'ceil',
  'cos',
  'exp',
  'floor',
  'log',
  'log10',
  'log2',
  'round',
  'sign',
  'sin',
  'sqrt',
  'tan',
  'trunc',
] as const;
const TWO = ['atan2', 'pow'] as const;
const CONSTANTS = ['E', 'LN10', 'LN2', 'LOG10E', 'LOG2E', 'PI', 'SQRT1_2', 'SQRT2'] as const;

type ToNumber = (value: Value, m: Meter) => number;

function extreme(pick: (a: number, b: number) => number, from: number, number: ToNumber): NativeFunction {
  return (args, m) => {
    let result = from;
    for (const arg of args) result = pick(result, number(arg, m));
    return result;
  };
}

/** Math without random: the same message always gets the same answer. `number` is the dialect's cast. */
export function mathWith(number: ToNumber): Namespace {
  return {
    functions: new Map<string, NativeFunction>([
      ...ONE.map((name): [string, NativeFunction] => [name, ([value], m) => Math[name](number(value, m))]),
      ...TWO.map((name): [string, NativeFunction] => [name, ([a, b], m) => Math[name](number(a, m), number(b, m))]),
      ['hypot', (args, m) => Math.hypot(...args.map((arg) => number(arg, m)))],
      ['max', extreme(Math.max, Number.NEGATIVE_INFINITY, number)],
      ['min', extreme(Math.min, Number.POSITIVE_INFINITY, number)],
    ]),
    constants: new Map<string, Value>(CONSTANTS.map((name) => [name, Math[name]])),
  };
}
