import {
  castString,
  ExactNumber,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberKind,
  plainNotation,
} from '../model/json.ts';
import type { Sample } from '../model/telemetry.ts';

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export interface DecodeOptions {
  /** Server time for samples without their own, ms. */
  readonly now: number;
  /** ThingsBoard's cast of numeric strings and of numbers out of range (thingsboard-device-api 3.3). Off by default. */
  readonly typeCast: boolean;
}

/** One sample as it was sent; `text` is not kept here: the caller has the payload. */
export interface DecodedSample extends Sample {
  /** Where the text of `values` stands unchanged: it is the payload's, the member's of that name (see `valuesText`), or nowhere. */
  readonly verbatim: 'payload' | 'values' | 'no';
}

const KEY_MAX = 255;

/**
 * The telemetry shapes of thingsboard-device-api 3.2: object, `{ts, values}`, or an array of either. Nulls are skipped.
 * `[]` gives no sample: it is acknowledged at once.
 */
export function decodeTelemetry(json: JsonValue, options: DecodeOptions): Decoded<readonly DecodedSample[]> {
  if (!Array.isArray(json)) {
    const sample = decodeSample(json, options);
    return typeof sample === 'string' ? { ok: false, problem: sample } : { ok: true, value: [sample] };
  }
  const samples: DecodedSample[] = [];
  for (const item of json) {
    const sample = decodeSample(item, options);
    if (typeof sample === 'string') return { ok: false, problem: sample };
    samples.push({ ...sample, verbatim: 'no' });
  }
  return { ok: true, value: samples };
}

/** The text of a sample's values in that of its payload. */
export function sampleText({ verbatim }: DecodedSample, payload: string): string | undefined {
  if (verbatim === 'no') return undefined;
  return verbatim === 'payload' ? payload : valuesText(payload);
}

/** The text of the values in that of a payload `{"ts": …, "values": {…}}`; undefined when it has other braces, too. */
export function valuesText(payload: string): string | undefined {
  const from = payload.indexOf('{', payload.indexOf('{') + 1);
  const to = payload.indexOf('}');
  const end = payload.indexOf('}', to + 1);
  if (payload.indexOf('{', from + 1) >= 0 || payload.indexOf('}', end + 1) >= 0) return undefined;
  return payload.slice(from, to + 1);
}

/** Client attributes: an object only (3.4). */
export function decodeAttributes(json: JsonValue, options: DecodeOptions): Decoded<JsonObject> {
  if (!isJsonObject(json)) return { ok: false, problem: `must be an object, is ${kindName(json)}` };
  const values = cleanValues(json, options);
  return typeof values === 'string' ? { ok: false, problem: values } : { ok: true, value: values };
}

/** The sample, or what is wrong with it. */
function decodeSample(json: JsonValue, options: DecodeOptions): DecodedSample | string {
  if (!isJsonObject(json)) return `a sample must be an object, is ${kindName(json)}`;
  let ts = options.now;
  let source = json;
  if (Object.hasOwn(json, 'ts') && Object.hasOwn(json, 'values')) {
    const own = timestamp(json.ts ?? null);
    if (own === undefined) return '"ts" must be an integer of milliseconds';
    const values = json.values ?? null;
    if (!isJsonObject(values)) return `"values" must be an object, is ${kindName(values)}`;
    ts = own;
    source = values;
  }
  const values = cleanValues(source, options);
  if (typeof values === 'string') return values;
  return { ts, values, verbatim: values !== source ? 'no' : source === json ? 'payload' : 'values' };
}

/** The source itself when nothing of it is left out or cast; a text says what is wrong. */
function cleanValues(source: JsonObject, options: DecodeOptions): JsonObject | string {
  let clean = true;
  for (const key in source) {
    const value = source[key];
    if (key.length > KEY_MAX || key.length === 0) return 'a key must have 1 to 255 characters';
    if (value === null || (options.typeCast && mayBeCast(value))) clean = false;
  }
  if (clean) return source;
  const values: JsonObject = {};
  for (const [key, value] of Object.entries(source)) {
    if (value === null) continue;
    const kept = options.typeCast ? cast(value) : value;
    // A plain assignment would call the setter of `__proto__` instead of storing the key.
    if (key === '__proto__')
      Object.defineProperty(values, key, { value: kept, enumerable: true, configurable: true, writable: true });
    else values[key] = kept;
  }
  return values;
}

/** Numbers that ThingsBoard keeps as they are do not make a copy of the sample necessary. */
const mayBeCast = (value: JsonValue | undefined): boolean =>
  typeof value === 'string' ||
  value instanceof ExactNumber ||
  (typeof value === 'number' && numberKind(value) === 'STRING');

// What ThingsBoard makes of numbers is what it makes of their plain notation as text: 1.5e3 is 1500, 1E19 and 1e-17 are text.
function cast(value: JsonValue): JsonValue {
  if (typeof value === 'string') return castString(value);
  if (!mayBeCast(value)) return value;
  return castString(plainNotation(String(value)));
}

/** ms; numeric text is taken, a fraction is cut off (thingsboard-device-api 3.2). Undefined: a double does not hold it. */
export function timestamp(value: JsonValue): number | undefined {
  const number =
    typeof value === 'number'
      ? value
      : value instanceof ExactNumber || (typeof value === 'string' && /^-?\d{1,17}$/.test(value))
        ? Number(String(value))
        : Number.NaN;
  const whole = Math.trunc(number);
  return Number.isSafeInteger(whole) ? whole : undefined;
}

function kindName(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof ExactNumber) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
