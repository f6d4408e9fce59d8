import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';

/** A gateway's message read by its form; `problem` is for the log. */
export type Form<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** A message about one sub-device. */
export interface Named {
  readonly device: string;
  /** Profile of a device that has to be created. */
  readonly type: string;
}

/** One sub-device's part of a message about several. */
export interface Member<T extends JsonValue> {
  readonly device: string;
  readonly value: T;
}

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
  readonly data: JsonValue;
}

export const DEFAULT_TYPE = 'default';

export function readNamed(json: JsonValue): Form<Named> {
  const body = objectOf(json);
  const device = nameOf(body?.device);
  if (body === undefined || device === undefined) return wrong('"device" is missing');
  const type = typeof body.type === 'string' && body.type.trim() !== '' ? body.type.trim() : DEFAULT_TYPE;
  return { ok: true, value: { device, type } };
}

/** `{"A":[…]}` of telemetry. Members of another kind are left out, unless that leaves none (4.2). */
export const readArrays = (json: JsonValue): Form<readonly Member<readonly JsonValue[] & JsonValue>[]> =>
  readMembers(json, (value) => (Array.isArray(value) ? value : undefined), 'an array');

/** `{"A":{…}}` of attributes and claims. */
export const readObjects = (json: JsonValue): Form<readonly Member<JsonObject>[]> =>
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
  return { ok: true, value: { device, id, data: body.data ?? null } };
}

function readMembers<T extends JsonValue>(
  json: JsonValue,
  kind: (value: JsonValue) => T | undefined,
  what: string,
): Form<readonly Member<T>[]> {
  const body = objectOf(json);
  if (body === undefined) return wrong('the message must be a JSON object');
  const members: Member<T>[] = [];
  for (const [key, member] of Object.entries(body)) {
    const value = kind(member);
    if (value === undefined) continue;
    const device = nameOf(key);
    if (device === undefined) return wrong('a device name is empty');
    members.push({ device, value });
  }
  return members.length === 0 ? wrong(`no device has ${what}`) : { ok: true, value: members };
}

const wrong = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

function nameOf(value: JsonValue | undefined): string | undefined {
  const name = typeof value === 'string' ? value.trim() : '';
  return name === '' ? undefined : name;
}

/** Numeric text is taken too. */
function integerOf(value: JsonValue | undefined): number | undefined {
  const number = typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
    ? value
    : undefined;
