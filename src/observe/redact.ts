import { Secret } from '../model/secret.ts';

const REDACTED = '[redacted]';
const MAX_DEPTH = 8;
const MAX_ITEMS = 100;
const MAX_TEXT = 8_192;

/** Last words of key names whose values are secret, in lower case, letters and digits only. */
const SECRET_ENDINGS = [
  'token',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'secretkey',
  'privatekey',
  'instancekey',
  'adminkey',
  'apikey',
  'authorization',
  'cookie',
  'credentialsvalue',
  'credentialsid',
  'cups',
] as const;

/** Control characters that JSON leaves as they are, and that terminals or line readers act on. */
const RAW_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;
const URL_LOGIN = /:\/\/[^\s/@]{1,300}@/g;
/** V8 quotes the text that JSON.parse refused. */
const QUOTED_INPUT = /, (?:\.\.\.)?".*(?: is not valid JSON)$/s;

const secretKeys = new Map<string, boolean>();

/** Whether a key of this name holds a secret, whatever its spelling: `Power_supplier_secret_key`, `provisionDeviceSecret`. */
export function isSecretName(name: string): boolean {
  const known = secretKeys.get(name);
  if (known !== undefined) return known;
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const secret = SECRET_ENDINGS.some((ending) => plain.endsWith(ending));
  if (secretKeys.size < 1_000) secretKeys.set(name, secret);
  return secret;
}

/**
 * A copy that may be written down: secrets by name at any depth and by type are `[redacted]`, errors are plain objects
 * with their causes, long texts, deep trees and big lists are cut, cycles are named.
 */
export function redact(value: unknown): unknown {
  return copy(value, 0, []);
}

function copy(value: unknown, depth: number, parents: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'bigint':
      return value.toString();
    case 'function':
    case 'symbol':
      return `[${typeof value}]`;
    case 'object':
      return value === null ? null : copyObject(value, depth, parents);
    default:
      return value;
  }
}

function copyObject(value: object, depth: number, parents: readonly object[]): unknown {
  if (value instanceof Secret) return REDACTED;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (parents.includes(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[deeper]';
  const line = [...parents, value];
  if (value instanceof Error) return copyError(value, depth, line);
  if (Array.isArray(value) || value instanceof Set) {
    const items = [...value];
    const kept = items.slice(0, MAX_ITEMS).map((item) => copy(item, depth + 1, line));
    return items.length > MAX_ITEMS ? [...kept, `[${items.length - MAX_ITEMS} more]`] : kept;
  }
  if (value instanceof Map)
    return copyEntries(
      [...value].map(([key, item]) => [String(key), item]),
      depth,
      line,
    );
  if (hasToJson(value)) return copy(value.toJSON(), depth + 1, line);
  return copyEntries(Object.entries(value), depth, line);
}

function copyEntries(
  entries: readonly (readonly [string, unknown])[],
  depth: number,
  line: readonly object[],
): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, item] of entries.slice(0, MAX_ITEMS)) {
    result[redactText(key)] = isSecretName(key) && hides(item) ? REDACTED : copy(item, depth + 1, line);
  }
  if (entries.length > MAX_ITEMS) result['…'] = `[${entries.length - MAX_ITEMS} more]`;
  return result;
}

function copyError(error: Error, depth: number, line: readonly object[]): Record<string, unknown> {
  const quoted = error instanceof SyntaxError;
  const clean = (text: string): string => redactText(quoted ? text.replace(QUOTED_INPUT, '') : text);
  const result: Record<string, unknown> = { type: error.name, message: clean(error.message) };
  for (const [key, item] of Object.entries(error).slice(0, MAX_ITEMS)) {
    if (key === 'cause' || key === 'stack' || key === 'name' || key === 'message') continue;
    result[key] = isSecretName(key) && hides(item) ? REDACTED : copy(item, depth + 1, line);
  }
  // The stack repeats the message first; only its places are wanted.
  const places = (error.stack ?? '').split('\n').filter((text) => text.startsWith('    at '));
  if (places.length > 0) result.stack = places.slice(0, 12).map((text) => text.trim());
  if (error.cause !== undefined) result.cause = copy(error.cause, depth + 1, line);
  return result;
}

/** Whether there is something to hide: `token: true` or an absent token tells nothing. */
const hides = (value: unknown): boolean => value !== undefined && value !== null && typeof value !== 'boolean';

const hasToJson = (value: object): value is { toJSON(): unknown } =>
  typeof (value as { toJSON?: unknown }).toJSON === 'function';

/** One text made safe for a log: no raw controls, no login inside an address, at most 8,192 characters. */
export function redactText(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… [${text.length} characters]` : text;
  const open = short.includes('://') ? short.replaceAll(URL_LOGIN, `://${REDACTED}@`) : short;
  return open.replaceAll(RAW_CONTROLS, '\ufffd');
}
