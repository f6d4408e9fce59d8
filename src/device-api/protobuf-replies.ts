import { castText, type JsonObject, type JsonValue, numberKind, parseJson, stringifyJson } from '../model/json.ts';
import { ExactNumber } from '../model/json-number.ts';
import type { ProtoMessage } from '../model/proto-message.ts';
import type { TimedValue } from '../model/telemetry.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import { encodeProto } from '../telemetry/proto-encode.ts';
import type { AttributesFound } from './attributes-found.ts';
import { ATTRIBUTES_RESPONSE, ATTRIBUTES_UPDATE, PROVISION_RESPONSE, RPC_ANSWER } from './protobuf-messages.ts';
import type { PayloadForm } from './protobuf-payloads.ts';
import type { CallToDevice } from './rpc-queue.ts';
import { TIMED_OUT } from './server-rpc.ts';
import type { Downlink } from './sessions.ts';

/** Deeper than any JSON that a device or a user may send. */
const OWN_TEXT = { maxDepth: 10_000 };

/** Whether what goes down is protobuf (thingsboard-device-api 5.3). @param v1 the topic is one of the long ones. */
export function sendsProtobuf(form: PayloadForm, v1: boolean, { protobuf }: Pick<DeviceProfile, 'protobuf'>): boolean {
  if (form !== 'profile') return form === 'protobuf';
  return protobuf !== undefined && !(v1 && protobuf.jsonOnDefaultDownlinkTopics);
}

export const encodeAttributesAnswer = (requestId: string, found: AttributesFound): Buffer =>
  encode(ATTRIBUTES_RESPONSE, answerFields(Number(requestId), found));

/** @param requestId the topic or the request bears it in full; the message has 32 bits for it. */
export const answerFields = (requestId: number, { client, shared, keys }: AttributesFound): JsonObject => ({
  requestId: requestId | 0,
  clientAttributeList: [...(client ?? [])].map(keyValue),
  sharedAttributeList: [...(shared ?? [])].map(keyValue),
  isMultipleAttributesRequest: keys > 1,
});

/** @param now the time that the values get, ms. */
export const encodeAttributesUpdate = (downlink: Downlink, now: number): Buffer =>
  encode(ATTRIBUTES_UPDATE, updateFields(downlink, now));

export function updateFields({ text, deleted }: Downlink, now: number): JsonObject {
  if (deleted) return { sharedDeleted: [...deleted] };
  const values = Object.entries(objectFrom(text));
  return { sharedUpdated: values.map(([key, value]) => keyValue([key, { ts: now, value }])) };
}

/** The answer to a call of the device. */
export function encodeRpcAnswer(requestId: string, text: string): Buffer {
  const id = Number(requestId) | 0;
  return encode(
    RPC_ANSWER,
    text === TIMED_OUT ? { requestId: id, error: 'timeout' } : { requestId: id, payload: text },
  );
}

/** A call to the device by the profile's schema; what is wrong when it does not fit. */
export function encodeCall(
  call: CallToDevice,
  { protobuf }: Pick<DeviceProfile, 'protobuf'>,
): { readonly ok: true; readonly value: Buffer } | { readonly ok: false; readonly problem: string } {
  if (!protobuf) return { ok: false, problem: 'the profile has no protobuf schema for calls' };
  const params = parseJson(call.params, OWN_TEXT);
  return encodeProto(protobuf.rpcRequest, {
    method: call.method,
    requestId: call.id,
    params: params.ok ? params.value : null,
  });
}

/** What the caller hears of a call that does not fit the profile's schema, and never reaches the device. */
export const misfitAnswer = (problem: string): Buffer =>
  Buffer.from(JSON.stringify({ error: `the call does not fit the protobuf schema: ${problem}` }));

/** @param text the answer as JSON. */
export function encodeProvisionAnswer(text: string): Buffer {
  const { status = 'UNKNOWN', credentialsType, credentialsValue } = objectFrom(text);
  return encode(PROVISION_RESPONSE, {
    status,
    credentialsType: credentialsType ?? null,
    credentialsValue: credentialsValue ?? null,
  });
}

function keyValue([key, { ts, value }]: readonly [string, TimedValue]): JsonObject {
  return { ts, kv: { key, ...typed(value) } };
}

function typed(value: JsonValue): JsonObject {
  if (typeof value === 'boolean') return { type: 'BOOLEAN_V', bool_v: value };
  if (typeof value === 'string') return { type: 'STRING_V', string_v: value };
  if (typeof value !== 'number' && !(value instanceof ExactNumber)) {
    return { type: 'JSON_V', json_v: stringifyJson(value) };
  }
  switch (numberKind(value)) {
    case 'LONG':
      return { type: 'LONG_V', long_v: castText(String(value)).text };
    case 'DOUBLE':
      return { type: 'DOUBLE_V', double_v: value };
    case 'STRING':
      return { type: 'STRING_V', string_v: castText(String(value)).text };
  }
}

/** Our own messages fit their types: a misfit is a fault of ours. */
export function encode(type: ProtoMessage, json: JsonObject): Buffer {
  const encoded = encodeProto(type, json);
  if (!encoded.ok) throw new Error(`${type.name}: ${encoded.problem}`);
  return encoded.value;
}

function objectFrom(text: string): JsonObject {
  const json = parseJson(text, OWN_TEXT);
  if (!json.ok || json.value === null || typeof json.value !== 'object' || Array.isArray(json.value)) return {};
  return json.value instanceof ExactNumber ? {} : json.value;
}
