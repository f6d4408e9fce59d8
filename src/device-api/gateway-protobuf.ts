import { type JsonObject, type JsonValue, parseJson } from '../model/json.ts';
import type { ProtoMessage } from '../model/proto-message.ts';
import { decodeProto } from '../telemetry/proto-decode.ts';
import {
  DEFAULT_TYPE,
  type Form,
  type Member,
  type Named,
  nameOf,
  objectOf,
  type SubAttributeRequest,
  type SubRpcReply,
  wrong,
} from './gateway-payload.ts';
import {
  CONNECT,
  DISCONNECT,
  GATEWAY_ATTRIBUTES,
  GATEWAY_ATTRIBUTES_REQUEST,
  GATEWAY_CLAIM,
  GATEWAY_RPC_RESPONSE,
  GATEWAY_TELEMETRY,
} from './gateway-protobuf-messages.ts';

/** What a gateway sends in protobuf (thingsboard-device-api 5.3), read to the same forms as JSON. */
export interface ProtoContext {
  /** Of JSON inside a value, and how many values a message may hold. */
  readonly json: { readonly maxDepth: number; readonly maxKeys: number };
  /** The time of samples without their own, ms. */
  readonly now: number;
}

type List = readonly JsonValue[] & JsonValue;

/** Of the deepest message here, and a little more. */
const MAX_DEPTH = 8;
/** A value counts this often when its message is read: itself and its seven fields, the list around it. */
const KEYS_OF_VALUE = 9;

export function decodeConnect(payload: Uint8Array, context: ProtoContext): Form<Named> {
  const read = fieldsOf(CONNECT, payload, context);
  if (!read.ok) return read;
  const device = nameOf(read.value.deviceName);
  if (device === undefined) return wrong('deviceName is empty');
  return { ok: true, value: { device, type: nameOf(read.value.deviceType) ?? DEFAULT_TYPE } };
}

export function decodeDisconnect(payload: Uint8Array, context: ProtoContext): Form<Named> {
  const read = fieldsOf(DISCONNECT, payload, context);
  const device = read.ok ? nameOf(read.value.deviceName) : undefined;
  if (!read.ok) return read;
  return device === undefined ? wrong('deviceName is empty') : { ok: true, value: { device, type: DEFAULT_TYPE } };
}

export const decodeTelemetryMembers = (payload: Uint8Array, context: ProtoContext): Form<readonly Member<List>[]> =>
  members(GATEWAY_TELEMETRY, payload, context, ({ msg }) => {
    const samples: JsonValue[] = [];
    for (const sample of listOf(objectOf(msg)?.tsKvList)) {
      const { ts, kv } = objectOf(sample) ?? {};
      const values = valuesOf(listOf(kv), context);
      if (!values.ok) return values;
      samples.push({ ts: ts === 0 || ts === undefined ? context.now : ts, values: values.value });
    }
    return samples.length === 0 ? wrong('tsKvList is empty') : { ok: true, value: samples };
  });

export const decodeAttributeMembers = (
  payload: Uint8Array,
  context: ProtoContext,
): Form<readonly Member<JsonObject>[]> =>
  members(GATEWAY_ATTRIBUTES, payload, context, ({ msg }) => valuesOf(listOf(objectOf(msg)?.kv), context));

export const decodeClaimMembers = (payload: Uint8Array, context: ProtoContext): Form<readonly Member<JsonObject>[]> =>
  members(GATEWAY_CLAIM, payload, context, ({ claimRequest }) => ({ ok: true, value: objectOf(claimRequest) ?? {} }));

export function decodeAttributeRequest(payload: Uint8Array, context: ProtoContext): Form<SubAttributeRequest> {
  const read = fieldsOf(GATEWAY_ATTRIBUTES_REQUEST, payload, context);
  if (!read.ok) return read;
  const { id, deviceName, client, keys } = read.value;
  const device = nameOf(deviceName);
  if (device === undefined) return wrong('deviceName is empty');
  const asked = [...new Set(listOf(keys).map(String))];
  if (asked.length === 0) return wrong('keys is empty');
  const scope = client === true ? 'CLIENT_SCOPE' : 'SHARED_SCOPE';
  return { ok: true, value: { id: Number(id), device, scope, keys: asked } };
}

export function decodeRpcReply(payload: Uint8Array, context: ProtoContext): Form<SubRpcReply> {
  const read = fieldsOf(GATEWAY_RPC_RESPONSE, payload, context);
  if (!read.ok) return read;
  const device = nameOf(read.value.deviceName);
  if (device === undefined) return wrong('deviceName is empty');
  return { ok: true, value: { device, id: Number(read.value.id), text: String(read.value.data) } };
}

function fieldsOf(type: ProtoMessage, payload: Uint8Array, { json }: ProtoContext): Form<JsonObject> {
  const decoded = decodeProto(type, payload, { maxDepth: MAX_DEPTH, maxKeys: json.maxKeys * KEYS_OF_VALUE });
  return decoded.ok ? decoded : wrong(`the protobuf payload ${decoded.problem}`);
}

function members<T extends JsonValue>(
  type: ProtoMessage,
  payload: Uint8Array,
  context: ProtoContext,
  read: (member: JsonObject) => Form<T>,
): Form<readonly Member<T>[]> {
  const fields = fieldsOf(type, payload, context);
  if (!fields.ok) return fields;
  const found: Member<T>[] = [];
  for (const one of listOf(fields.value.msg)) {
    const member = objectOf(one) ?? {};
    const device = nameOf(member.deviceName);
    if (device === undefined) return wrong('deviceName is empty');
    const content = read(member);
    found.push(content.ok ? { device, value: content.value, typed: true } : { device, problem: content.problem });
  }
  return found.length === 0 ? wrong('names no device') : { ok: true, value: found };
}

/** A list of `KeyValueProto` as an object; the last of one key wins. */
function valuesOf(list: readonly JsonValue[], context: ProtoContext): Form<JsonObject> {
  const values: [string, JsonValue][] = [];
  for (const one of list) {
    const kv = objectOf(one) ?? {};
    const value = typedValue(kv, context);
    if (value === undefined) return wrong(`kv has a value that is not of type ${kv.type}`);
    values.push([String(kv.key), value]);
  }
  return values.length === 0 ? wrong('kv is empty') : { ok: true, value: Object.fromEntries(values) };
}

function typedValue(kv: JsonObject, { json }: ProtoContext): JsonValue | undefined {
  switch (kv.type) {
    case 'BOOLEAN_V':
      return kv.bool_v;
    case 'LONG_V':
      return kv.long_v;
    case 'DOUBLE_V':
      return kv.double_v;
    case 'STRING_V':
      return kv.string_v;
    case 'JSON_V': {
      const read = parseJson(String(kv.json_v), json);
      return read.ok ? read.value : undefined;
    }
    default:
      return undefined;
  }
}

const listOf = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : []);
