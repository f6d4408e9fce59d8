import { isTruthy, joinList, strictlyEqual, toInteger, toNumber, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { NativeMethod } from './language.ts';
import { MAX_VALUE_DEPTH } from './limits.ts';
import type { Meter } from './meter.ts';
import type { Value } from './values.ts';

type ListMethod = NativeMethod<Value[]>;

/** Index from a start or an end that may count from behind. */
function bound(value: Value, length: number, otherwise: number, m: Meter): number {
  if (value === undefined) return otherwise;
  const index = toInteger(value, m);
  return index < 0 ? Math.max(0, length + index) : Math.min(index, length);
}

/** Calls back for item after item until `until` says so; the list's length is asked anew each time. */
function each(
  self: Value[],
  callback: Value,
  m: Meter,
  take: (result: Value, item: Value, index: number) => boolean,
): void {
  const length = self.length;
  for (let index = 0; index < length && index < self.length; index++) {
    m.spend(1);
    const item = self[index];
    if (take(m.call(callback, [item, index, self]), item, index)) return;
  }
}

const find =
  (give: (item: Value, index: number) => Value, otherwise: Value): ListMethod =>
  (self, [callback], m) => {
    let found = otherwise;
    each(self, callback, m, (result, item, index) => {
      if (!isTruthy(result)) return false;
      found = give(item, index);
      return true;
    });
    return found;
  };

const filter: ListMethod = (self, [callback], m) => {
  const kept: Value[] = [];
  each(self, callback, m, (result, item) => {
    if (isTruthy(result)) kept.push(item);
    return false;
  });
  return kept;
};

const map: ListMethod = (self, [callback], m) => {
  const made: Value[] = [];
  each(self, callback, m, (result) => {
    made.push(result);
    return false;
  });
  return made;
};

const reduce =
  (fromRight: boolean): ListMethod =>
  (self, args, m) => {
    const [callback] = args;
    let index = fromRight ? self.length - 1 : 0;
    const step = fromRight ? -1 : 1;
    let result = args[1];
    if (args.length < 2) {
      if (self.length === 0) throw new ScriptFailure('reduce of an empty list needs a value to begin with');
      result = self[index];
      index += step;
    }
    for (; index >= 0 && index < self.length; index += step) {
      m.spend(1);
      result = m.call(callback, [result, self[index], index, self]);
    }
    return result;
  };

const indexOf =
  (fromRight: boolean): ListMethod =>
  (self, [wanted], m) => {
    m.items(self.length);
    if (fromRight) {
      for (let index = self.length - 1; index >= 0; index--) if (strictlyEqual(self[index], wanted, m)) return index;
      return -1;
    }
    for (let index = 0; index < self.length; index++) if (strictlyEqual(self[index], wanted, m)) return index;
    return -1;
  };

const isNaNValue = (value: Value): boolean => typeof value === 'number' && Number.isNaN(value);

export const includes: ListMethod = (self, [wanted], m) => {
  m.items(self.length);
  return self.some((item) => strictlyEqual(item, wanted, m) || (isNaNValue(item) && isNaNValue(wanted)));
};

function addTo(self: Value[], items: readonly Value[], m: Meter): void {
  m.items(self.length + items.length);
  for (const item of items) self.push(item);
}

const concat: ListMethod = (self, args, m) => {
  const made: Value[] = [];
  for (const part of [self, ...args]) addTo(made, Array.isArray(part) ? part : [part], m);
  return made;
};

const splice: ListMethod = (self, args, m) => {
  const start = bound(args[0], self.length, 0, m);
  const rest = self.length - start;
  const count = args.length === 0 ? 0 : args.length === 1 ? rest : Math.min(Math.max(toInteger(args[1], m), 0), rest);
  const added = args.slice(2);
  m.items(self.length - count + added.length);
  return self.splice(start, count, ...added);
};

function flatten(list: readonly Value[], levels: number, into: Value[], m: Meter): Value[] {
  for (const item of list) {
    if (Array.isArray(item) && levels > 0) flatten(item, levels - 1, into, m);
    else addTo(into, [item], m);
  }
  return into;
}

/** Undefined goes last, as in JavaScript; without a comparison, by the items' texts. */
export const sort: ListMethod = (self, [compare], m) => {
  m.items(self.length);
  m.spend(self.length);
  const rest = self.filter((item) => item === undefined);
  const items = self.filter((item) => item !== undefined);
  if (compare === undefined) sortByText(items, m);
  else items.sort((a, b) => toNumber(m.call(compare, [a, b]), m) || 0);
  self.splice(0, self.length, ...items, ...rest);
  return self;
};

function sortByText(items: Value[], m: Meter): void {
  const keyed = items.map((item) => ({ item, text: toText(item, m) }));
  keyed.sort((a, b) => {
    m.spend(1 + (Math.min(a.text.length, b.text.length) >> 6));
    return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
  });
  for (const [index, { item }] of keyed.entries()) items[index] = item;
}

export const listMethods: Readonly<Record<string, ListMethod>> = {
  concat,
  every: (self, [callback], m) => {
    let all = true;
    each(self, callback, m, (result) => {
      all = isTruthy(result);
      return !all;
    });
    return all;
  },
  fill: (self, [value, start, end], m) => {
    m.items(self.length);
    return self.fill(value, bound(start, self.length, 0, m), bound(end, self.length, self.length, m));
  },
  filter,
  find: find((item) => item, undefined),
  findIndex: find((_item, index) => index, -1),
  flat: (self, [levels], m) => {
    const depth = levels === undefined ? 1 : Math.min(toInteger(levels, m), MAX_VALUE_DEPTH);
    return flatten(self, depth, [], m);
  },
  flatMap: (self, [callback], m) => {
    const made = map(self, [callback], m);
    return Array.isArray(made) ? flatten(made, 1, [], m) : made;
  },
  forEach: (self, [callback], m) => {
    each(self, callback, m, () => false);
    return undefined;
  },
  includes,
  indexOf: indexOf(false),
  join: (self, [separator], m) => joinList(self, separator === undefined ? ',' : toText(separator, m), m),
  lastIndexOf: indexOf(true),
  map,
  pop: (self) => self.pop(),
  push: (self, items, m) => {
    if (self.length + items.length > m.limits.items) m.items(self.length + items.length);
    for (const item of items) self.push(item);
    return self.length;
  },
  reduce: reduce(false),
  reduceRight: reduce(true),
  reverse: (self, _args, m) => {
    m.items(self.length);
    return self.reverse();
  },
  shift: (self, _args, m) => {
    m.items(self.length);
    return self.shift();
  },
  slice: (self, [start, end], m) => {
    m.items(self.length);
    return self.slice(bound(start, self.length, 0, m), bound(end, self.length, self.length, m));
  },
  some: (self, [callback], m) => {
    let any = false;
    each(self, callback, m, (result) => {
      any = isTruthy(result);
      return any;
    });
    return any;
  },
  sort,
  splice,
  toString: (self: Value[], _args: readonly Value[], m: Meter) => joinList(self, ',', m),
  unshift: (self, items, m) => {
    m.items(self.length + items.length);
    return self.unshift(...items);
  },
};

/** Names of the methods that change their list. */
export const LIST_MUTATORS = ['fill', 'pop', 'push', 'reverse', 'shift', 'sort', 'splice', 'unshift'];
