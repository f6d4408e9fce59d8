import { ExactNumber } from '../../model/json.ts';
import { isLess, isTruthy, looselyEqual, strictlyEqual, toNumber, toPrimitive, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { ScriptLang } from './language.ts';
import { hasMember, toKey } from './members.ts';
import type { Meter } from './meter.ts';
import { nameOf, type Value } from './values.ts';

export type BinaryOperator = (a: Value, b: Value, m: Meter) => Value;

/** JavaScript's binary operators on values of ours. */
const javaScript: Readonly<Record<string, BinaryOperator>> = {
  '+': (a, b, m) => {
    const left = typeof a === 'object' ? plusPart(a, m) : a;
    const right = typeof b === 'object' ? plusPart(b, m) : b;
    if (typeof left === 'string' || typeof right === 'string') return m.text(toText(left, m) + toText(right, m));
    return toNumber(left, m) + toNumber(right, m);
  },
  '-': (a, b, m) => toNumber(a, m) - toNumber(b, m),
  '*': (a, b, m) => toNumber(a, m) * toNumber(b, m),
  '/': (a, b, m) => toNumber(a, m) / toNumber(b, m),
  '%': (a, b, m) => toNumber(a, m) % toNumber(b, m),
  '**': (a, b, m) => toNumber(a, m) ** toNumber(b, m),
  '&': (a, b, m) => toNumber(a, m) & toNumber(b, m),
  '|': (a, b, m) => toNumber(a, m) | toNumber(b, m),
  '^': (a, b, m) => toNumber(a, m) ^ toNumber(b, m),
  '<<': (a, b, m) => toNumber(a, m) << toNumber(b, m),
  '>>': (a, b, m) => toNumber(a, m) >> toNumber(b, m),
  '>>>': (a, b, m) => toNumber(a, m) >>> toNumber(b, m),
  '<': (a, b, m) => isLess(a, b, m) === true,
  '>': (a, b, m) => isLess(b, a, m) === true,
  '<=': (a, b, m) => isLess(b, a, m) === false,
  '>=': (a, b, m) => isLess(a, b, m) === false,
  '==': looselyEqual,
  '!=': (a, b, m) => !looselyEqual(a, b, m),
  '===': strictlyEqual,
  '!==': (a, b, m) => !strictlyEqual(a, b, m),
  in: (a, b, m) => hasMember(b, toKey(a, m)),
};

/** An exact number beside a text keeps its digits; everything else is as in toPrimitive. */
function plusPart(value: Value, m: Meter): Value {
  return value instanceof ExactNumber ? value : toPrimitive(value, m);
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** A whole number's bits, as Java's int when both fit into 32 bits, else as its long. */
function bits(int: (a: number, b: number) => number, long: (a: bigint, b: bigint) => bigint): BinaryOperator {
  return (a, b, m) => {
    const [x, y] = [whole(a, m), whole(b, m)];
    if (x === (x | 0) && y === (y | 0)) return int(x, y);
    const result = BigInt.asIntN(64, long(BigInt(x), BigInt(y)));
    if (result > MAX_SAFE || result < -MAX_SAFE) throw new ScriptFailure('a bit operation gives a number beyond 2^53');
    return Number(result);
  };
}

function whole(value: Value, m: Meter): number {
  const number = tbelNumber(value, m);
  if (!Number.isSafeInteger(number)) throw new ScriptFailure('a bit operation needs whole numbers below 2^53');
  return number;
}

/** A number of TBEL's arithmetic: nothing is cast to one. */
export function tbelNumber(value: Value, m: Meter): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ScriptFailure(`arithmetic with ${nameOf(value)}: TBEL wants numbers on both sides`);
  }
  const number = toPrimitive(value, m);
  if (typeof number === 'number') return number;
  throw new ScriptFailure(`arithmetic with ${nameOf(value)}: TBEL wants numbers on both sides`);
}

function compare(test: (less: boolean | undefined, a: Value, b: Value, m: Meter) => boolean): BinaryOperator {
  return (a, b, m) => {
    // As in TBEL: nothing is less or more than null.
    if (a === null || b === null || a === undefined || b === undefined) return false;
    return test(isLess(a, b, m), a, b, m);
  };
}

/** TBEL's: numbers are doubles with whole ones exact to 2^53; nothing is cast to a number. */
const tbel: Readonly<Record<string, BinaryOperator>> = {
  ...javaScript,
  '+': (a, b, m) => {
    if (typeof a === 'string' || typeof b === 'string') {
      const [left, right] = [a ?? null, b ?? null];
      return m.text(toText(left, m) + toText(right, m));
    }
    return tbelNumber(a, m) + tbelNumber(b, m);
  },
  '-': (a, b, m) => tbelNumber(a, m) - tbelNumber(b, m),
  '*': (a, b, m) => tbelNumber(a, m) * tbelNumber(b, m),
  '/': (a, b, m) => tbelNumber(a, m) / tbelNumber(b, m),
  '%': (a, b, m) => tbelNumber(a, m) % tbelNumber(b, m),
  '**': (a, b, m) => tbelNumber(a, m) ** tbelNumber(b, m),
  '<': compare((less) => less === true),
  '>=': compare((less) => less === false),
  '>': compare((_less, a, b, m) => isLess(b, a, m) === true),
  '<=': compare((_less, a, b, m) => isLess(b, a, m) === false),
  '===': looselyEqual,
  '!==': (a, b, m) => !looselyEqual(a, b, m),
  '&': bits(
    (a, b) => a & b,
    (a, b) => a & b,
  ),
  '|': bits(
    (a, b) => a | b,
    (a, b) => a | b,
  ),
  '^': bits(
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
  '<<': bits(
    (a, b) => a << b,
    (a, b) => a << (b & 63n),
  ),
  '>>': bits(
    (a, b) => a >> b,
    (a, b) => a >> (b & 63n),
  ),
  '>>>': bits(
    (a, b) => (a >>> b) | 0,
    (a, b) => BigInt.asUintN(64, a) >> (b & 63n),
  ),
};

export function binaryOperator(lang: ScriptLang, operator: string): BinaryOperator | undefined {
  const table = lang === 'JS' ? javaScript : tbel;
  return Object.hasOwn(table, operator) ? table[operator] : undefined;
}

/** TBEL has no truth but true and false. */
export function requireBoolean(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  throw new ScriptFailure(`TBEL wants true or false here, not ${nameOf(value)}: compare, as in x != null`);
}

export function truthOf(lang: ScriptLang): (value: Value) => boolean {
  return lang === 'JS' ? isTruthy : requireBoolean;
}
