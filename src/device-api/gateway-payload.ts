import { ExactNumber, type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';

/** A gateway's message read by its form; `problem` is for the log. */
export type Form<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** A message about one sub-device. */
export interface Named {
  readonly device: string;
  /** Profile of a device that has to be created. */
  readonly type: string;
}

/** One sub-device's part of a message about several. */
export interface Part<T extends JsonValue> {
  readonly device: string;
  readonly value: T;
  /** The gateway named the type of each value. */
  readonly typed?: boolean;
}

/** `problem`: the part cannot be read, which costs the others nothing. */
export type Member<T extends JsonValue> = Part<T> | { readonly device: string; readonly problem: string };

export interface SubAttributeRequest {
  readonly id: number;
  readonly device: string;
  readonly scope: 'CLIENT_SCOPE' | 'SHARED_SCOPE';
  /** Without repetitions; their number decides the shape of the answer (thingsboard-device-api 4). */
  readonly keys: readonly string[];
}

export interface SubRpcReply {
  readonly device: string;
  readonly id: number;
  /** As the caller gets it: JSON, unless the gateway sent something else in protobuf. */
  readonly text: string;
}

export const DEFAULT_TYPE = 'default';

export function readNamed(json: JsonValue): Form<Named> {
  const body = objectOf(json);
  const device = nameOf(body?.device);
  if (body === undefined || device === undefined) return wrong('"device" is missing');
  return { ok: true, value: { device, type: nameOf(body.type) ?? DEFAULT_TYPE } };
}

/** `{"A":[…]}` of telemetry. Members of another kind are left out, unless that leaves none (4.2). */
export const readArrays = (json: JsonValue): Form<readonly Part<readonly JsonValue[] & JsonValue>[]> =>
  readMembers(json, (value) => (Array.isArray(value) ? value : undefined), 'an array');

/** `{"A":{…}}` of attributes and claims. */
export const readObjects = (json: JsonValue): Form<readonly Part<JsonObject>[]> =>
  readMembers(json, objectOf, 'an object');

export function readAttributeRequest(json: JsonValue): Form<SubAttributeRequest> {
  const body = objectOf(json);
  const device = nameOf(body?.device);
  const id = integerOf(body?.id);
  if (body === undefined || device === undefined || id === undefined) return wrong('"device" or "id" is missing');
  if (typeof body.client !== 'boolean') return wrong('"client" must be true or false');
  const asked = body.key === undefined ? body.keys : [body.key];
  if (!Array.isArray(asked)) return wrong('"key" or "keys" is missing');
  const keys = new Set(asked.filter((key): key is string => typeof key === 'string'));
  if (keys.size === 0) return wrong('"keys" must name keys');
  const scope = body.client ? 'CLIENT_SCOPE' : 'SHARED_SCOPE';
  return { ok: true, value: { id, device, scope, keys: [...keys] } };
}

export function readRpcReply(json: JsonValue): Form<SubRpcReply> {
  const body = objectOf(json);
  const device = nameOf(body?.device);
  const id = integerOf(body?.id);
  if (body === undefined || device === undefined || id === undefined) return wrong('"device" or "id" is missing');
  return { ok: true, value: { device, id, text: stringifyJson(body.data ?? null) } };
}

function readMembers<T extends JsonValue>(
  json: JsonValue,
  kind: (value: JsonValue) => T | undefined,
  what: string,
): Form<readonly Part<T>[]> {
  const body = objectOf(json);
  if (body === undefined) return wrong('the message must be a JSON object');
  const members: Part<T>[] = [];
  for (const [key, member] of Object.entries(body)) {
    const value = kind(member);
    if (value === undefined) continue;
    const device = nameOf(key);
    if (device === undefined) return wrong('a device name is empty');
    members.push({ device, value });
  }
  return members.length === 0 ? wrong(`no device has ${what}`) : { ok: true, value: members };
}

export const wrong = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

/** Trimmed; undefined when nothing is left. */
export function nameOf(value: JsonValue | undefined): string | undefined {
  const name = typeof value === 'string' ? value.trim() : '';
  return name === '' ? undefined : name;
}

/** Numeric text is taken too. */
function integerOf(value: JsonValue | undefined): number | undefined {
  const number = typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

export const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
    ? value
    : undefined;
