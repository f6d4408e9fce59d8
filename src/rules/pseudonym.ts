import { createHmac } from 'node:crypto';
import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import { isMsgData, type Msg } from '../model/msg.ts';
import { hideKeys, Secret } from '../model/secret.ts';
import { hideSupplyPoints, supplyPointSchemeIds, supplyPointSchemes } from '../model/supply-point/index.ts';
import { isSecretName } from '../observe/index.ts';

/** Stands for secrets and supply points: the same for the same, and nobody without the key can tell for which. */
export interface Pseudonyms {
  /** `key-` and 16 hex digits. */
  secret(text: string): string;
  message(msg: Msg): { readonly metadata: Readonly<Record<string, string>>; readonly data: JsonValue };
}

const MAX_CODE = 64;
const NEARLY_A_CODE = /^[A-Z]{2}\d{12,}/i;
const CODE_NAME = /cups$/i;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** Digits that say whose grid it is: they decide where a message goes. */
const KEPT_DIGITS = 4;

/**
 * Pseudonyms for recordings. A supply point becomes another one of the same operator that is as valid, or as wrong, as it
 * was: chains then take the same way.
 * @param key random, and forgotten with the recording.
 */
export function createPseudonyms(key: Uint8Array): Pseudonyms {
  const codes = new Map<string, string>();
  const hash = (text: string): string => createHmac('sha256', key).update(text).digest('hex');
  const secret = (text: string): string => `key-${hash(`secret\n${text}`).slice(0, 16)}`;

  const text = (value: string): string => {
    if (value.length > MAX_CODE) return hideKeys(hideSupplyPoints(value), secret);
    const plain = value.replace(/[\s./_-]/g, '').toUpperCase();
    if (!isValid(plain) && !NEARLY_A_CODE.test(plain)) return hideKeys(hideSupplyPoints(value), secret);
    const known = codes.get(plain);
    if (known !== undefined) return known;
    const made = pseudoCode(plain, hash);
    if (codes.size < 100_000) codes.set(plain, made);
    return made;
  };
  const member = (name: string, value: JsonValue | Secret): JsonValue => {
    if (value instanceof Secret) return secret(value.reveal());
    const hides = isSecretName(name) && !CODE_NAME.test(name) && value !== null && typeof value !== 'boolean';
    return hides ? secret(typeof value === 'string' ? value : JSON.stringify(value)) : json(value);
  };
  const object = (value: Readonly<Record<string, JsonValue | Secret>>): JsonObject =>
    Object.fromEntries(Object.entries(value).map(([name, inner]) => [text(name), member(name, inner)]));
  const json = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return text(value);
    if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
    return Array.isArray(value) ? value.map(json) : object(value);
  };

  return {
    secret,
    message({ metadata, data }) {
      const entries = Object.entries(metadata).map(([name, value]) => [name, String(member(name, value))]);
      return { metadata: Object.fromEntries(entries), data: isMsgData(data) ? object(data) : json(data) };
    },
  };
}

function isValid(code: string): boolean {
  return supplyPointSchemeIds.some((id) => supplyPointSchemes[id].normalise(code).ok);
}

/** Other digits behind those of the operator, and letters that are as right as they were. */
function pseudoCode(code: string, hash: (text: string) => string): string {
  const wanted = isValid(code);
  const digits = BigInt(`0x${hash(`supply point\n${code.slice(0, 20)}`)}`).toString();
  let at = 0;
  const head = code.slice(0, 2 + KEPT_DIGITS);
  const middle = code.slice(2 + KEPT_DIGITS, 18).replace(/\d/g, () => digits.charAt(at++));
  const tail = code.slice(20);
  if (!wanted) {
    const made = head + middle + code.slice(18);
    return isValid(made) ? `${head}${middle}${otherLetters(code.slice(18, 20))}${tail}` : made;
  }
  for (const a of LETTERS) {
    for (const b of LETTERS) {
      const made = `${head}${middle}${a}${b}${tail}`;
      if (isValid(made)) return made;
    }
  }
  return `${code.slice(0, 2)}…[supply point]`;
}

const otherLetters = (letters: string): string =>
  [...letters].map((letter) => LETTERS.charAt((LETTERS.indexOf(letter) + 1) % LETTERS.length)).join('');
