import { toInteger, toNumber, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { NativeFunction, NativeMethod } from './language.ts';
import type { Meter } from './meter.ts';
import type { Value } from './values.ts';

/** A count between bounds, or a failure that names them. */
function digits(
  method: string,
  least: number,
  most: number,
  turn: (self: number, count: number) => string,
): NativeMethod<number> {
  return (self, [count], m) => {
    const wanted = toInteger(count, m);
    if (wanted < least || wanted > most) throw new ScriptFailure(`${method} takes ${least} to ${most}`);
    return turn(self, wanted);
  };
}

const radixText = digits('toString', 2, 36, (self, radix) => self.toString(radix));
const precise = digits('toPrecision', 1, 100, (self, count) => self.toPrecision(count));

export const numberMethods: Readonly<Record<string, NativeMethod<number>>> = {
  toFixed: digits('toFixed', 0, 100, (self, count) => self.toFixed(count)),
  toPrecision: (self, args, m) => (args[0] === undefined ? String(self) : precise(self, args, m)),
  toString: (self: number, args: readonly Value[], m: Meter) =>
    args[0] === undefined ? String(self) : radixText(self, args, m),
  valueOf: (self: number) => self,
};

export const parseIntOf: NativeFunction = ([value, radix], m) => {
  const text = toText(value, m);
  m.spend(text.length >> 6);
  return Number.parseInt(text, radix === undefined ? undefined : toNumber(radix, m));
};

export const parseFloatOf: NativeFunction = ([value], m) => {
  const text = toText(value, m);
  m.spend(text.length >> 6);
  return Number.parseFloat(text);
};
