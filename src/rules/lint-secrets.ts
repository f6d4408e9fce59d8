import { ExactNumber } from '../model/json.ts';
import { escapePointer } from './json-source.ts';

export interface SecretFinding {
  /** JSON pointer below the value that was looked at. */
  readonly at: string;
  readonly what: string;
}

const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\bgms_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}/, 'a supplier key'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'a private key'],
  [/\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\./, 'a signed token'],
  [/^(?:Basic|Bearer) [A-Za-z0-9+/=_.-]{8,}$/i, 'credentials'],
  [/\b[a-z][a-z0-9+.-]*:\/\/[^/\s:@]+:[^/\s@]+@/i, 'a URL with a password'],
  [/^[A-Z]{2}[ -]?(?:\d[ -]?){16}[A-Z]{2}(?:[ -]?\d[FPRCXYZ])?$/i, 'a supply point code'],
];
const SECRET_NAME = /secret|password|passwd|token|api[-_]?key|credential/i;
const ALWAYS_SECRET = /^(?:secret|password|passwd)$/i;
const PLAIN_WORD = /^[A-Za-z][A-Za-z_ .-]*$/;
const RANDOM_LENGTH = 20;

/**
 * Values that look like secrets: by their shape, by the name of their key, or by their randomness. Names of keys
 * (`Power_supplier_secret_key`), placeholders and references (`{"env": …}`) are none.
 */
export function findSecrets(value: unknown, at = '', key = ''): SecretFinding[] {
  if (typeof value === 'string') {
    const what = secretIn(value, key);
    return what === undefined ? [] : [{ at, what }];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    findSecrets(inner, `${at}/${escapePointer(name)}`, Array.isArray(value) ? key : name),
  );
}

/** A copy in which every value that looks like a secret is `[redacted]`. */
export function hideSecrets(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return secretIn(value, key) === undefined ? value : '[redacted]';
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item, key));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hideSecrets(inner, name)]));
}

function secretIn(text: string, key: string): string | undefined {
  const shape = SHAPES.find(([pattern]) => pattern.test(text));
  if (shape) return shape[1];
  if (text.includes('${') || text.includes('$[')) return undefined;
  if (ALWAYS_SECRET.test(key) && text !== '') return `a value for "${key}"`;
  if (SECRET_NAME.test(key) && text.length >= 8 && !PLAIN_WORD.test(text)) return `a value for "${key}"`;
  return isRandom(text) ? 'a random text, perhaps a key' : undefined;
}

/** One long run of letters and digits, both in good number and with both cases: no person types that. */
function isRandom(text: string): boolean {
  if (text.length < RANDOM_LENGTH || !/^[A-Za-z0-9+/=_-]+$/.test(text)) return false;
  const digits = text.replace(/[^0-9]/g, '').length;
  return digits >= 3 && /[a-z]/.test(text) && /[A-Z]/.test(text) && new Set(text).size >= 12;
}
