import { parseRateLimit } from '../model/rate-limit.ts';
import { compileSchema } from '../schema/validate.ts';
import type { Leaf } from './settings.ts';

type Fail = (rule: string, problem: string, hint?: string) => unknown;

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

/** The value that a word in the environment or on the command line means; undefined after `fail`. */
export function fromText(leaf: Leaf, word: string, fail: Fail): unknown {
  switch (leaf.field.schema.type) {
    case 'integer':
    case 'number': {
      const value = /^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(word.trim()) ? Number(word) : undefined;
      if (value === undefined) fail('wrong-type', `must be a number, is ${JSON.stringify(word.slice(0, 60))}`);
      return value;
    }
    case 'boolean': {
      const low = word.trim().toLowerCase();
      if (TRUE.has(low)) return true;
      if (FALSE.has(low)) return false;
      fail('wrong-type', `must be true or false, is ${JSON.stringify(word.slice(0, 60))}`);
      return undefined;
    }
    default:
      return word;
  }
}

/** Checks one value against its field; what is wrong goes to `fail`, never with the text of a secret. */
export function checkValue(leaf: Leaf, value: unknown, fail: Fail): void {
  const checked = compileSchema(leaf.field.schema)(value);
  if (!checked.ok) {
    for (const { rule, problem, hint } of checked.violations) fail(rule, problem, hint);
    return;
  }
  if (leaf.special === 'secret' && typeof value === 'string') {
    if (/[\r\n\0]/.test(value)) fail('invalid-value', 'a secret must be one line of text');
  }
  if (leaf.special === 'rate') {
    const parsed = parseRateLimit(String(value));
    if (!parsed.ok) fail('invalid-rate', `is not a rate limit: ${parsed.error.problem}`, 'for example 100:1,2000:60');
  }
}
