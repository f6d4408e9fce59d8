import { ExactNumber } from '../../model/json.ts';
import { compileSchema } from '../../schema/validate.ts';

/** Whether two JSON values are one but for the order of members. */
export function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/** JSON text with members in order of their names; numbers keep their digits. */
export function canonicalJson(value: unknown): string {
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'undefined';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
}

const checks = new WeakMap<object, (value: unknown) => unknown>();

/** A copy with the defaults of its schema filled in; a value that does not fit is a copy as it is. */
export function withDefaults(value: unknown, schema: Readonly<Record<string, unknown>>): unknown {
  let check = checks.get(schema);
  if (!check) {
    check = compileSchema<unknown>(schema);
    checks.set(schema, check);
  }
  const copy = structuredClone(value);
  check(copy);
  return copy;
}
