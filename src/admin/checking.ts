import { BrokerError } from '../errors.ts';
import { ExactNumber, type JsonValue, parseJson } from '../model/json.ts';
import { DUPLICATE_HINT, duplicateKeys, duplicateProblem } from '../schema/duplicate-keys.ts';
import { compileSchema, type Violation } from '../schema/validate.ts';
import type { JsonSchema } from './route.ts';

type Part = 'params' | 'querystring' | 'body';
type Verdict = { readonly value: unknown } | { readonly error: BrokerError };

const MAX_VIOLATIONS = 5;
const JSON_LIMITS = { maxDepth: 32, maxKeys: 10_000 } as const;

/** Reads a body with exact numbers. An empty one counts as none. Throws BAD_REQUEST. */
export function parseBody(text: Buffer, { uniqueKeys = false } = {}): JsonValue | undefined {
  if (text.length === 0) return undefined;
  const parsed = parseJson(text, JSON_LIMITS);
  if (parsed.ok) {
    if (uniqueKeys) refuseDuplicates(text.toString('utf8'));
    return parsed.value;
  }
  const { problem, at } = parsed.error;
  throw new BrokerError('BAD_REQUEST', { detail: `the body is not JSON: ${problem} (byte ${at})` });
}

function refuseDuplicates(text: string): void {
  const [twice] = duplicateKeys(text);
  if (twice === undefined) return;
  const detail = `body ${twice.at}: ${duplicateProblem(twice)} (${DUPLICATE_HINT})`;
  throw new BrokerError('BAD_REQUEST', { field: twice.at.slice(1), detail });
}

/** The check of one part of a request: texts of path and query become the numbers and flags their schema asks for. */
export function compileCheck(schema: JsonSchema, part: Part): (given: unknown) => Verdict {
  const check = compileSchema<unknown>(schema);
  const properties = (schema.properties ?? {}) as Readonly<Record<string, { readonly type?: unknown } | undefined>>;
  const lenient = schema.additionalProperties === true;
  return (given) => {
    const value = part === 'body' ? plainNumbers(given ?? {}) : readTexts(given, properties, lenient);
    const checked = check(value);
    return checked.ok ? { value: checked.value } : { error: toError(checked.violations, part) };
  };
}

function readTexts(
  given: unknown,
  properties: Readonly<Record<string, { readonly type?: unknown } | undefined>>,
  lenient: boolean,
): Record<string, unknown> {
  const entries = Object.entries((given ?? {}) as Record<string, string | readonly string[]>);
  return Object.fromEntries(
    entries.map(([name, raw]) => {
      const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
      const text = lenient && typeof raw !== 'string' ? raw.join(',') : raw;
      return [name, typeof text === 'string' ? readText(text, type) : text];
    }),
  );
}

function readText(text: string, type: unknown): unknown {
  if (type === 'integer' && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (type === 'number' && /^-?\d{1,16}(\.\d{1,16})?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** Numbers such as `60.0` as plain ones, so that a schema sees numbers. */
function plainNumbers(value: unknown): unknown {
  if (value instanceof ExactNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainNumbers(item)]));
}

function toError(violations: readonly Violation[], part: Part): BrokerError {
  const where = part === 'body' ? 'body' : part === 'params' ? 'path' : 'query';
  const texts = violations.slice(0, MAX_VIOLATIONS).map(({ at, problem, hint }) => {
    const place = at === '' ? where : `${where} ${at}`;
    return `${place}: ${problem}${hint ? ` (${hint})` : ''}`;
  });
  const first = violations[0];
  const missing = first?.rule === 'missing-field' ? /^"(.*)" is missing$/.exec(first.problem)?.[1] : undefined;
  const field = [first?.at.slice(1), missing].filter((name) => name !== undefined && name !== '').join('/');
  return new BrokerError('BAD_REQUEST', { ...(field === '' ? {} : { field }), detail: texts.join('; ') });
}
