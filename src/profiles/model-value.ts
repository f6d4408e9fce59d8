import { ExactNumber, type JsonValue } from '../model/json.ts';
import type { UnknownPolicy, ValueSpec, ValueTypeName } from './model-schema.ts';

/** What is wrong with a value, in words that follow its id; undefined = it fits. Quotes nothing of it. */
export type ValueCheck = (value: JsonValue) => string | undefined;

/** A wrong model: JSON pointer below the value, and the problem. */
export type ModelFault = (at: string, rule: string, problem: string) => void;

/** Structs and arrays within each other. */
const MAX_DEPTH = 5;
const INT = { least: -(2 ** 31), most: 2 ** 31 - 1 };
const MAX_FLOAT = 3.4028235e38;
const LONG = { least: -(2n ** 63n), most: 2n ** 63n - 1n };

/** Members that mean something for a type, besides `name` and `unit`. */
const MEMBERS: Readonly<Record<ValueTypeName, readonly (keyof ValueSpec)[]>> = {
  int: ['min', 'max'],
  long: ['min', 'max'],
  float: ['min', 'max'],
  double: ['min', 'max'],
  bool: [],
  string: ['maxLength'],
  enum: ['values'],
  struct: ['fields'],
  array: ['items', 'maxItems'],
  file: ['maxLength'],
};
const NEEDED: Readonly<Partial<Record<ValueTypeName, keyof ValueSpec>>> = {
  enum: 'values',
  struct: 'fields',
  array: 'items',
};

/** Compiles one value of a model; what is wrong with it goes to `fault`. */
export function compileValue(spec: ValueSpec, at: string, unknown: UnknownPolicy, fault: ModelFault): ValueCheck {
  return compile(spec, at, { unknown, fault, depth: 1 });
}

interface Place {
  readonly unknown: UnknownPolicy;
  readonly fault: ModelFault;
  readonly depth: number;
}

function compile(spec: ValueSpec, at: string, place: Place): ValueCheck {
  const { type } = spec;
  const { fault, depth } = place;
  for (const key of Object.keys(spec) as (keyof ValueSpec)[]) {
    const known = key === 'type' || key === 'name' || key === 'unit' || MEMBERS[type].includes(key);
    if (!known) fault(`${at}/${key}`, 'ignored-field', `means nothing for the type "${type}"`);
  }
  const needed = NEEDED[type];
  if (needed !== undefined && spec[needed] === undefined) {
    fault(at, 'missing-field', `"${needed}" is missing: the type "${type}" needs it`);
    return () => undefined;
  }
  if (spec.min !== undefined && spec.max !== undefined && spec.min > spec.max) {
    fault(`${at}/min`, 'wrong-range', 'is above max: nothing can fit');
  }
  if (depth > MAX_DEPTH) {
    fault(at, 'too-deep', `structs and arrays may stand ${MAX_DEPTH} levels deep`);
    return () => undefined;
  }
  switch (type) {
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return numberCheck(type, spec);
    case 'bool':
      return (value) => {
        const known = typeof value === 'boolean' || numberOf(value) === 0 || numberOf(value) === 1;
        return known ? undefined : 'must be true, false, 0 or 1';
      };
    case 'string':
    case 'file':
      return textCheck(spec.maxLength);
    case 'enum':
      return enumCheck(spec.values ?? []);
    case 'struct':
      return structCheck(spec.fields ?? {}, at, place);
    case 'array':
      return arrayCheck(spec, at, place);
  }
}

function numberCheck(type: 'int' | 'long' | 'float' | 'double', { min, max }: ValueSpec): ValueCheck {
  const range =
    min === undefined && max === undefined ? '' : ` from ${min ?? 'any'} to ${max ?? 'any'}`.replaceAll('any', '…');
  const wrong = `must be of the type ${type}${range}`;
  return (value) => {
    const number = numberOf(value);
    if (number === undefined || !holds(type, value, number)) return wrong;
    return number < (min ?? number) || number > (max ?? number) ? wrong : undefined;
  };
}

function holds(type: 'int' | 'long' | 'float' | 'double', value: JsonValue, number: number): boolean {
  switch (type) {
    case 'int':
      return Number.isInteger(number) && number >= INT.least && number <= INT.most;
    case 'long': {
      if (!Number.isInteger(number)) return false;
      const exact = value instanceof ExactNumber && /^-?\d+$/.test(value.text) ? BigInt(value.text) : BigInt(number);
      return exact >= LONG.least && exact <= LONG.most;
    }
    case 'float':
      return Math.abs(number) <= MAX_FLOAT;
    case 'double':
      return Number.isFinite(number);
  }
}

function textCheck(maxLength: number | undefined): ValueCheck {
  const wrong = maxLength === undefined ? 'must be a text' : `must be a text of at most ${maxLength} characters`;
  return (value) => (typeof value === 'string' && value.length <= (maxLength ?? value.length) ? undefined : wrong);
}

function enumCheck(values: readonly (string | number)[]): ValueCheck {
  const known = new Set<unknown>(values);
  const shown = values.slice(0, 10).map((one) => JSON.stringify(one));
  const wrong = `must be one of ${shown.join(', ')}${values.length > shown.length ? ', …' : ''}`;
  return (value) => (known.has(numberOf(value) ?? value) ? undefined : wrong);
}

function structCheck(fields: Readonly<Record<string, ValueSpec>>, at: string, place: Place): ValueCheck {
  const below = { ...place, depth: place.depth + 1 };
  const checks = new Map(
    Object.entries(fields).map(([key, spec]) => [key, compile(spec, `${at}/fields/${escapePointer(key)}`, below)]),
  );
  return (value) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof ExactNumber) {
      return 'must be an object';
    }
    for (const [key, member] of Object.entries(value)) {
      const check = checks.get(key);
      // What is dropped is dropped by id: a struct is stored as it is, or not at all.
      const wrong = check ? check(member) : place.unknown === 'store' ? undefined : 'is not in the model';
      if (wrong !== undefined) return `has a member ${shownKey(key)} that ${wrong}`;
    }
    return undefined;
  };
}

function arrayCheck({ items, maxItems }: ValueSpec, at: string, place: Place): ValueCheck {
  const check = items && compile(items, `${at}/items`, { ...place, depth: place.depth + 1 });
  return (value) => {
    if (!Array.isArray(value)) return 'must be an array';
    if (maxItems !== undefined && value.length > maxItems) return `must have at most ${maxItems} items`;
    for (const [index, item] of value.entries()) {
      const wrong = check?.(item);
      if (wrong !== undefined) return `has an item ${index} that ${wrong}`;
    }
    return undefined;
  };
}

function numberOf(value: JsonValue): number | undefined {
  if (typeof value === 'number') return value;
  return value instanceof ExactNumber ? Number(value.text) : undefined;
}

/** An id in a problem: short, and with nothing that ends its line. */
export const shownKey = (key: string): string => JSON.stringify(key.length > 64 ? `${key.slice(0, 63)}…` : key);

export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
