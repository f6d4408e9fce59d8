import { castString, ExactNumber, type JsonObject, type JsonValue, plainNotation } from '../model/json.ts';
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
  /** True when `values` is the whole payload, unchanged: its text may stand for it. */
  readonly verbatim: boolean;
}

const KEY_MAX = 255;

/**
 * The telemetry shapes of thingsboard-device-api 3.2: object, `{ts, values}`, or an array of either. Nulls are skipped.
 * `[]` gives no sample: it is acknowledged at once.
 */
export function decodeTelemetry(json: JsonValue, options: DecodeOptions): Decoded<readonly DecodedSample[]> {
  if (!Array.isArray(json)) {
    const sample = decodeSample(json, options);
    return sample.ok ? { ok: true, value: [sample.value] } : sample;
  }
  const samples: DecodedSample[] = [];
  for (const item of json) {
    const sample = decodeSample(item, options);
    if (!sample.ok) return sample;
    samples.push({ ...sample.value, verbatim: false });
  }
  return { ok: true, value: samples };
}

/** Client attributes: an object only (3.4). */
export function decodeAttributes(json: JsonValue, options: DecodeOptions): Decoded<JsonObject> {
  if (!isObject(json)) return { ok: false, problem: `must be an object, is ${kindName(json)}` };
  const values = cleanValues(json, options);
  return values.ok ? { ok: true, value: values.value.values } : values;
}

function decodeSample(json: JsonValue, options: DecodeOptions): Decoded<DecodedSample> {
  if (!isObject(json)) return { ok: false, problem: `a sample must be an object, is ${kindName(json)}` };
  let ts = options.now;
  let source = json;
  if (Object.hasOwn(json, 'ts') && Object.hasOwn(json, 'values')) {
    const own = timestamp(json.ts ?? null);
    if (own === undefined) return { ok: false, problem: '"ts" must be an integer of milliseconds' };
    const values = json.values ?? null;
    if (!isObject(values)) return { ok: false, problem: `"values" must be an object, is ${kindName(values)}` };
    ts = own;
    source = values;
  }
  const cleaned = cleanValues(source, options);
  if (!cleaned.ok) return cleaned;
  return { ok: true, value: { ts, values: cleaned.value.values, verbatim: !cleaned.value.changed && source === json } };
}

function cleanValues(
  source: JsonObject,
  options: DecodeOptions,
): Decoded<{ readonly values: JsonObject; readonly changed: boolean }> {
  let clean = true;
  for (const key in source) {
    const value = source[key];
    if (key.length > KEY_MAX || key.length === 0) return { ok: false, problem: 'a key must have 1 to 255 characters' };
    if (value === null || (options.typeCast && typeof value === 'string')) clean = false;
    if (options.typeCast && value instanceof ExactNumber) clean = false;
  }
  if (clean) return { ok: true, value: { values: source, changed: false } };
  const values: JsonObject = {};
  for (const [key, value] of Object.entries(source)) {
    if (value === null) continue;
    const kept = options.typeCast ? cast(value) : value;
    // A plain assignment would call the setter of `__proto__` instead of storing the key.
    if (key === '__proto__')
      Object.defineProperty(values, key, { value: kept, enumerable: true, configurable: true, writable: true });
    else values[key] = kept;
  }
  return { ok: true, value: { values, changed: true } };
}

// What ThingsBoard makes of numbers is what it makes of their plain notation as text: 1.5e3 is 1500, 1E19 is text.
function cast(value: JsonValue): JsonValue {
  if (typeof value === 'string') return castString(value);
  if (value instanceof ExactNumber) return castString(plainNotation(value.text));
  return value;
}

// Integer; numeric text is taken, a fraction is cut off (3.2). Beyond 2^53 a double no longer holds it: refused.
function timestamp(value: JsonValue): number | undefined {
  const number =
    typeof value === 'number'
      ? value
      : value instanceof ExactNumber || (typeof value === 'string' && /^-?\d{1,17}$/.test(value))
        ? Number(String(value))
        : Number.NaN;
  const whole = Math.trunc(number);
  return Number.isSafeInteger(whole) ? whole : undefined;
}

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

function kindName(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof ExactNumber) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
