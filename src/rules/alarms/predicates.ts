import { ExactNumber, type JsonValue, stringifyJson } from '../../model/json.ts';
import type { AlarmView } from './alarm-rule.ts';

// ThingsBoard's comparisons (thingsboard-rule-chains 6.3, 6.4): what cannot be compared is false, never an error.

export type Read = (view: AlarmView) => JsonValue | undefined;
export type Predicate = (value: JsonValue, view: AlarmView) => boolean;

export const NUMERIC_OPERATIONS = {
  EQUAL: (a, b) => a === b,
  NOT_EQUAL: (a, b) => a !== b,
  GREATER: (a, b) => a > b,
  LESS: (a, b) => a < b,
  GREATER_OR_EQUAL: (a, b) => a >= b,
  LESS_OR_EQUAL: (a, b) => a <= b,
} as const satisfies Record<string, (a: number, b: number) => boolean>;

export const STRING_OPERATIONS = {
  EQUAL: (a, b) => a === b,
  NOT_EQUAL: (a, b) => a !== b,
  STARTS_WITH: (a, b) => a.startsWith(b),
  ENDS_WITH: (a, b) => a.endsWith(b),
  CONTAINS: (a, b) => a.includes(b),
  NOT_CONTAINS: (a, b) => !a.includes(b),
  IN: (a, b) => listOf(b).includes(a),
  NOT_IN: (a, b) => !listOf(b).includes(a),
} as const satisfies Record<string, (a: string, b: string) => boolean>;

export const BOOLEAN_OPERATIONS = {
  EQUAL: (a, b) => a === b,
  NOT_EQUAL: (a, b) => a !== b,
} as const satisfies Record<string, (a: boolean, b: boolean) => boolean>;

export function numericPredicate(operation: keyof typeof NUMERIC_OPERATIONS, right: Read): Predicate {
  const compare = NUMERIC_OPERATIONS[operation];
  return (value, view) => {
    const a = numberOf(value);
    const b = numberOf(right(view));
    return a !== undefined && b !== undefined && compare(a, b);
  };
}

export function stringPredicate(
  operation: keyof typeof STRING_OPERATIONS,
  right: Read,
  ignoreCase: boolean,
): Predicate {
  const compare = STRING_OPERATIONS[operation];
  return (value, view) => {
    const other = right(view);
    if (other === undefined) return false;
    const [a, b] = [textOf(value), textOf(other)];
    return ignoreCase ? compare(a.toLowerCase(), b.toLowerCase()) : compare(a, b);
  };
}

export function booleanPredicate(operation: keyof typeof BOOLEAN_OPERATIONS, right: Read): Predicate {
  const compare = BOOLEAN_OPERATIONS[operation];
  return (value, view) => {
    const a = booleanOf(value);
    const b = booleanOf(right(view));
    return a !== undefined && b !== undefined && compare(a, b);
  };
}

export function joined(operation: 'AND' | 'OR', parts: readonly Predicate[]): Predicate {
  return operation === 'OR'
    ? (value, view) => parts.some((part) => part(value, view))
    : (value, view) => parts.every((part) => part(value, view));
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Numbers, texts that are one, true and false as 1 and 0; undefined for all else. */
export function numberOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (value instanceof ExactNumber) return value.valueOf();
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return DECIMAL.test(text) ? Number(text) : undefined;
}

function booleanOf(value: JsonValue | undefined): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return value.toLowerCase() === 'true';
  const number = numberOf(value);
  return number === undefined ? undefined : number !== 0;
}

const textOf = (value: JsonValue): string => (typeof value === 'string' ? value : stringifyJson(value));

/** Parts between commas that stand outside of quotes. */
function listOf(text: string): readonly string[] {
  const parts = text.match(/(?:"[^"]*"|'[^']*'|[^,"'])+/g) ?? [];
  return parts.map((part) => part.trim().replace(/^(["'])(.*)\1$/, '$2'));
}
