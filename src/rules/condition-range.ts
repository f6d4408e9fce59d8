import { findOperator, scalar } from './condition-operators.ts';

/** One comparison of a condition, with a constant on its right. */
export interface Comparison {
  readonly fact: string;
  readonly path: string;
  readonly operator: string;
  readonly value: unknown;
}

export type ValueType = 'number' | 'text' | 'flag' | 'null' | 'list' | 'object';

/** What is known of a value before any condition looks at it, such as the bounds of a profile's schema. */
export interface KnownRange {
  readonly types: readonly ValueType[];
  readonly min?: number;
  readonly max?: number;
  /** All values there can be. */
  readonly values?: readonly unknown[];
}

/** Knowledge of the value at a path of a fact; undefined = it may be anything. */
export type Knowledge = (fact: string, path: string) => KnownRange | undefined;

const ALL_TYPES: readonly ValueType[] = ['number', 'text', 'flag', 'null', 'list', 'object'];
const ORDERED: readonly ValueType[] = ['number', 'text'];
const SIDES: Readonly<Record<string, (value: number) => Bounds>> = {
  lessThan: (value) => ({ ...OPEN, max: value, maxOpen: true }),
  lessThanInclusive: (value) => ({ ...OPEN, max: value }),
  greaterThan: (value) => ({ ...OPEN, min: value, minOpen: true }),
  greaterThanInclusive: (value) => ({ ...OPEN, min: value }),
};

interface Bounds {
  readonly min: number;
  readonly minOpen: boolean;
  readonly max: number;
  readonly maxOpen: boolean;
}
const OPEN: Bounds = { min: Number.NEGATIVE_INFINITY, minOpen: false, max: Number.POSITIVE_INFINITY, maxOpen: false };

/** Whether no value can make all these comparisons of one and the same fact and path true. */
export function contradict(comparisons: readonly Comparison[], known?: KnownRange): boolean {
  const absent = comparisons.some(({ operator }) => operator === 'absent');
  if (absent) return comparisons.some(({ operator }) => operator !== 'absent');
  let types = known?.types ?? ALL_TYPES;
  let bounds: Bounds = { ...OPEN, min: known?.min ?? OPEN.min, max: known?.max ?? OPEN.max };
  let candidates = known?.values;
  for (const comparison of comparisons) {
    const possible = typesOf(comparison);
    types = types.filter((type) => possible.includes(type));
    bounds = narrower(bounds, boundsOf(comparison));
    const values = valuesOf(comparison);
    if (values) candidates = candidates?.filter((one) => values.includes(scalar(one))) ?? values;
  }
  if (types.length === 0) return true;
  if (candidates) return !candidates.some((value) => fits(scalar(value), types, bounds, comparisons));
  const bounded = comparisons.some((comparison) => boundsOf(comparison) !== OPEN);
  return bounded && isEmpty(bounds);
}

/** The types that the left side must have for the comparison to be true. */
function typesOf({ operator, value }: Comparison): readonly ValueType[] {
  if (operator.startsWith('someFact:') || operator.startsWith('everyFact:')) return ['list'];
  if (operator in SIDES || operator === 'between') return ORDERED;
  if (operator === 'startsWith' || operator === 'endsWith' || operator === 'matches') return ['text'];
  if (operator === 'contains' || operator === 'doesNotContain') return ['list'];
  if (operator === 'equal') return [typeOf(scalar(value))];
  if (operator === 'in' && Array.isArray(value)) return value.map((item) => typeOf(scalar(item)));
  return ALL_TYPES;
}

function boundsOf({ operator, value }: Comparison): Bounds {
  if (operator === 'between' && Array.isArray(value)) {
    return { ...OPEN, min: Number(scalar(value[0])), max: Number(scalar(value[1])) };
  }
  return Object.hasOwn(SIDES, operator) ? (SIDES[operator]?.(Number(scalar(value))) ?? OPEN) : OPEN;
}

function narrower(a: Bounds, b: Bounds): Bounds {
  const lower = a.min > b.min || (a.min === b.min && a.minOpen) ? a : b;
  const upper = a.max < b.max || (a.max === b.max && a.maxOpen) ? a : b;
  return { min: lower.min, minOpen: lower.minOpen, max: upper.max, maxOpen: upper.maxOpen };
}

const isEmpty = ({ min, minOpen, max, maxOpen }: Bounds): boolean => min > max || (min === max && (minOpen || maxOpen));

/** The only values that can make the comparison true; undefined = not a matter of single values. */
function valuesOf({ operator, value }: Comparison): readonly unknown[] | undefined {
  if (operator === 'equal') return [scalar(value)];
  return operator === 'in' && Array.isArray(value) ? value.map(scalar) : undefined;
}

function fits(value: unknown, types: readonly ValueType[], bounds: Bounds, all: readonly Comparison[]): boolean {
  if (!types.includes(typeOf(value))) return false;
  if (typeof value === 'number' && (value < bounds.min || value > bounds.max)) return false;
  return all.every(({ operator, value: right }) => {
    const found = findOperator(operator);
    return found === undefined || found.test(value, found.prepare(right));
  });
}

export function typeOf(value: unknown): ValueType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  const types = { number: 'number', string: 'text', boolean: 'flag' } as const;
  return types[typeof value as keyof typeof types] ?? 'object';
}
