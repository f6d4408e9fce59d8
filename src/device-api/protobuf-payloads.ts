import { ExactNumber, type JsonObject, type JsonValue, parseJson, stringifyJson } from '../model/json.ts';
import { isProtoMessage, type ProtoMessage } from '../model/proto-message.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import { decodeProto, type ProtoLimits } from '../telemetry/proto-decode.ts';
import { ATTRIBUTES_REQUEST, CLAIM_DEVICE, PROVISION_REQUEST, RPC_REQUEST } from './protobuf-messages.ts';

/** Which form a payload is in: `profile` = the profile decides (thingsboard-device-api 3.1). */
export type PayloadForm = 'json' | 'protobuf' | 'profile';

/** What a payload asks for; each has its own message. */
export type PayloadKind = 'telemetry' | 'attributes' | 'claim' | 'attribute-request' | 'rpc-call' | 'rpc-answer';

export type ReadPayload =
  | { readonly ok: true; readonly payload: Uint8Array }
  | { readonly ok: false; readonly problem: string };

/**
 * A payload as the JSON that the ordinary way reads, whatever form it came in (5.3). What is JSON already goes on as it
 * is, read or not; with `compatibleWithJson` so does what is no protobuf.
 */
export function readPayload(
  kind: PayloadKind,
  payload: Uint8Array,
  form: PayloadForm,
  { protobuf }: Pick<DeviceProfile, 'protobuf'>,
  limits: ProtoLimits,
): ReadPayload {
  if (form === 'json' || (form === 'profile' && !protobuf)) return { ok: true, payload };
  const type = messageOf(kind, protobuf);
  if (!type) return { ok: false, problem: `the profile has no protobuf schema for ${kind}` };
  const decoded = decodeProto(type, payload, limits);
  if (decoded.ok) {
    return { ok: true, payload: Buffer.from(stringifyJson(fromMessage(kind, type, decoded.value, limits))) };
  }
  if (form === 'profile' && protobuf?.compatibleWithJson) return { ok: true, payload };
  return { ok: false, problem: `the protobuf payload ${decoded.problem}` };
}

/** A provisioning request in protobuf, as JSON; undefined when it is none (2.7). An empty payload is one. */
export function readProvisionRequest(payload: Uint8Array): Uint8Array | undefined {
  const decoded = decodeProto(PROVISION_REQUEST, payload, { maxDepth: 8, maxKeys: 100 });
  if (!decoded.ok) return undefined;
  const { deviceName = '', credentialsType = '', provisionDeviceCredentialsMsg, credentialsDataProto } = decoded.value;
  const { provisionDeviceKey = '', provisionDeviceSecret = '' } = objectOf(provisionDeviceCredentialsMsg);
  const data = objectOf(credentialsDataProto);
  const basic = objectOf(data.validateBasicMqttCredRequestMsg);
  const request = {
    deviceName,
    credentialsType,
    provisionDeviceKey,
    provisionDeviceSecret,
    token: objectOf(data.validateDeviceTokenRequestMsg).token ?? '',
    hash: objectOf(data.validateDeviceX509CertRequestMsg).hash ?? '',
    clientId: basic.clientId ?? '',
    username: basic.userName ?? '',
    password: basic.password ?? '',
    gateway: decoded.value.gateway ?? false,
  };
  return Buffer.from(stringifyJson(request));
}

function messageOf(kind: PayloadKind, protobuf: DeviceProfile['protobuf']): ProtoMessage | undefined {
  switch (kind) {
    case 'telemetry':
      return protobuf?.telemetry;
    case 'attributes':
      return protobuf?.attributes;
    case 'rpc-answer':
      return protobuf?.rpcResponse;
    case 'claim':
      return CLAIM_DEVICE;
    case 'attribute-request':
      return ATTRIBUTES_REQUEST;
    case 'rpc-call':
      return RPC_REQUEST;
  }
}

function fromMessage(kind: PayloadKind, type: ProtoMessage, value: JsonObject, limits: ProtoLimits): JsonValue {
  switch (kind) {
    case 'telemetry':
      return isTimestamped(type) ? timestamped(type, value) : value;
    case 'attribute-request':
      // Both empty asks for all, one empty for the other alone.
      return Object.fromEntries(Object.entries(value).filter(([, keys]) => keys !== ''));
    case 'rpc-call':
      return { method: value.method ?? '', params: paramsOf(String(value.params ?? ''), limits) };
    default:
      return value;
  }
}

/** Exactly `ts` and `values` make the timestamped form (5.3). */
function isTimestamped(type: ProtoMessage): boolean {
  const [ts, values, ...more] = [...type.fields.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (!ts || !values || more.length > 0 || ts.name !== 'ts' || values.name !== 'values') return false;
  const single = !ts.repeated && !values.repeated && values.mapKey === undefined;
  return single && ts.type === 'int64' && isProtoMessage(values.type);
}

/** Without a time of its own a sample has the server's; where absence cannot be told, 0 is none. */
function timestamped(type: ProtoMessage, { ts, values = {} }: JsonObject): JsonValue {
  const optional = [...type.fields.values()].some((field) => field.name === 'ts' && field.presence);
  return ts === undefined || (ts === 0 && !optional) ? values : { ts, values };
}

/** `params` is JSON text; ThingsBoard reads it leniently, so that a bare word is a text. */
function paramsOf(text: string, limits: ProtoLimits): JsonValue {
  if (text === '') return null;
  const json = parseJson(text, limits);
  return json.ok ? json.value : text;
}

const objectOf = (value: JsonValue | undefined): JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof ExactNumber) ? value : {};
