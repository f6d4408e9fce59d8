import { ExactNumber } from '../model/json.ts';
import { compilePattern } from './condition-pattern.ts';

/** Compares a leaf's left side with its right side; both are there, and an ExactNumber has become a number. */
export interface Operator {
  /** Why a constant can be no right side; undefined when it can. */
  readonly refuse: (value: unknown) => string | undefined;
  /** Makes of a constant, once, what `test` gets. */
  readonly prepare: (value: unknown) => unknown;
  readonly test: (left: unknown, right: unknown) => boolean;
  /** The right side cannot come from a fact. */
  readonly constantOnly?: true;
}

/** ExactNumber to number, anything else as it is. */
export function scalar(value: unknown): unknown {
  return value instanceof ExactNumber ? value.valueOf() : value;
}

const isScalar = (value: unknown): boolean =>
  value === null || typeof value !== 'object' || value instanceof ExactNumber;
const isNumber = (value: unknown): boolean => Number.isFinite(scalar(value));

const wants = (test: (value: unknown) => boolean, problem: string): Operator['refuse'] => {
  return (value) => (test(value) ? undefined : problem);
};
const wantsScalar = wants(isScalar, 'expected a text, number, true, false or null: arrays and objects never match');
const wantsNumber = wants(isNumber, 'expected a number');
const wantsText = wants((value) => typeof value === 'string', 'expected a text');
const wantsList = wants(
  (value) => Array.isArray(value) && value.length > 0 && value.every(isScalar),
  'expected a list with at least one text, number, true, false or null',
);
const wantsBounds = wants(
  (value) =>
    Array.isArray(value) && value.length === 2 && value.every(isNumber) && Number(value[0]) <= Number(value[1]),
  'expected two numbers [from, to] in order',
);

function wantsPattern(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'expected a regular expression as text';
  const pattern = compilePattern(value);
  return pattern.ok ? undefined : pattern.problem;
}

function preparePattern(value: unknown): unknown {
  const pattern = compilePattern(String(value));
  return pattern.ok ? pattern.test : () => false;
}

/** A number, or a text that is one (metadata values are texts); all else is NaN, which no comparison accepts. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

function includes(list: unknown, wanted: unknown): boolean {
  return Array.isArray(list) && list.some((item) => scalar(item) === wanted);
}

function isIn(left: unknown, right: unknown): boolean {
  return right instanceof Set ? right.has(left) : includes(right, left);
}

function isBetween(left: unknown, right: unknown): boolean {
  if (!Array.isArray(right)) return false;
  const value = numberOf(left);
  return value >= numberOf(scalar(right[0])) && value <= numberOf(scalar(right[1]));
}

const compares = (test: (left: number, right: number) => boolean): Operator => ({
  refuse: wantsNumber,
  prepare: scalar,
  test: (left, right) => test(numberOf(left), numberOf(right)),
});

const reads = (test: (left: string, right: string) => boolean): Operator => ({
  refuse: wantsText,
  prepare: scalar,
  test: (left, right) => typeof left === 'string' && typeof right === 'string' && test(left, right),
});

/** json-rules-engine's ten operators, and five of ours. `exists` and `absent` ask for no value and stand elsewhere. */
export const operators = {
  equal: { refuse: wantsScalar, prepare: scalar, test: (left, right) => left === right },
  notEqual: { refuse: wantsScalar, prepare: scalar, test: (left, right) => left !== right },
  lessThan: compares((left, right) => left < right),
  lessThanInclusive: compares((left, right) => left <= right),
  greaterThan: compares((left, right) => left > right),
  greaterThanInclusive: compares((left, right) => left >= right),
  in: { refuse: wantsList, prepare: (value) => new Set(listOf(value)), test: isIn },
  notIn: { refuse: wantsList, prepare: (value) => new Set(listOf(value)), test: (left, right) => !isIn(left, right) },
  contains: { refuse: wantsScalar, prepare: scalar, test: includes },
  doesNotContain: {
    refuse: wantsScalar,
    prepare: scalar,
    test: (left, right) => Array.isArray(left) && !includes(left, right),
  },
  between: { refuse: wantsBounds, prepare: listOf, test: isBetween },
  startsWith: reads((left, right) => left.startsWith(right)),
  endsWith: reads((left, right) => left.endsWith(right)),
  matches: {
    refuse: wantsPattern,
    prepare: preparePattern,
    test: (left, right) => typeof left === 'string' && typeof right === 'function' && right(left) === true,
    constantOnly: true,
  },
} as const satisfies Readonly<Record<string, Operator>>;

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.map(scalar) : [];
}

/** json-rules-engine's decorators, written before an operator: `not:in`, `someFact:equal`. */
export const decorators = {
  not: (inner) => ({ ...inner, test: (left, right) => !inner.test(left, right) }),
  someFact: (inner) => ({
    ...inner,
    test: (left, right) => Array.isArray(left) && left.some((item) => inner.test(scalar(item), right)),
  }),
  everyFact: (inner) => ({
    ...inner,
    test: (left, right) => Array.isArray(left) && left.every((item) => inner.test(scalar(item), right)),
  }),
  someValue: (inner) => ({
    ...eachOf(inner),
    test: (left, right) => Array.isArray(right) && right.some((item) => inner.test(left, scalar(item))),
  }),
  everyValue: (inner) => ({
    ...eachOf(inner),
    test: (left, right) => Array.isArray(right) && right.every((item) => inner.test(left, scalar(item))),
  }),
  // The constant becomes the left side, so the operator's own demands on its right side do not hold for it.
  swap: (inner) => ({
    refuse: () => undefined,
    prepare: scalar,
    test: (left, right) => inner.test(right, left),
    ...(inner.constantOnly === undefined ? {} : { constantOnly: inner.constantOnly }),
  }),
} as const satisfies Readonly<Record<string, (inner: Operator) => Operator>>;

function eachOf(inner: Operator): Operator {
  return {
    ...inner,
    refuse: (value) => {
      if (!Array.isArray(value) || value.length === 0) return 'expected a list with at least one value';
      for (const item of value) {
        const problem = inner.refuse(item);
        if (problem !== undefined) return `in the list: ${problem}`;
      }
      return undefined;
    },
    prepare: (value) => (Array.isArray(value) ? value.map((item) => inner.prepare(item)) : value),
  };
}

const MAX_DECORATORS = 4;

/** The operator of a name with its decorators; undefined when a part of the name is not known. */
export function findOperator(name: string): Operator | undefined {
  const words = name.split(':', MAX_DECORATORS + 2);
  const last = words.pop() ?? '';
  if (!Object.hasOwn(operators, last) || words.length > MAX_DECORATORS) return undefined;
  let operator: Operator = operators[last as keyof typeof operators];
  for (const word of words.reverse()) {
    if (!Object.hasOwn(decorators, word)) return undefined;
    // What `matches` needs on its right is made of the constant; under swap it would stand on the left.
    if (word === 'swap' && operator.constantOnly === true) return undefined;
    operator = decorators[word as keyof typeof decorators](operator);
  }
  return operator;
}
