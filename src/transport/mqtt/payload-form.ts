import {
  type AttributesAnswer,
  type DeviceProfile,
  type Downlink,
  encodeAttributesAnswer,
  encodeAttributesUpdate,
  encodeRpcAnswer,
  type PayloadForm,
  sendsProtobuf,
  type Uplink,
  type UplinkResult,
} from '../../device-api/index.ts';
import type { Uplink as Asked } from './topics.ts';

const SHORT = /^v2\/(?:t|a|(?:a|r)\/re[qs])\/([jp])(?:\/|$)/;

/** The form that a topic names: `/j` JSON, `/p` protobuf, the others the profile's (thingsboard-device-api 3.1). */
export function formOf(topic: string): PayloadForm {
  const named = topic.startsWith('v2/') ? SHORT.exec(topic)?.[1] : undefined;
  return named === undefined ? 'profile' : named === 'j' ? 'json' : 'protobuf';
}

/** Whether what goes down on this topic is protobuf. */
export const isProtobuf = (topic: string, profile: DeviceProfile): boolean =>
  sendsProtobuf(formOf(topic), topic.startsWith('v1/'), profile);

/** The payload as JSON; undefined after `refused` heard that it cannot be read. */
export function jsonPayload(
  uplink: Uplink,
  asked: Asked,
  { topic, payload }: { readonly topic: string; readonly payload: Buffer },
  refused: (result: UplinkResult) => void,
): Buffer | undefined {
  if (asked.kind === 'ota' || asked.kind === 'rpc-malformed' || asked.kind === 'certificate-request') return payload;
  const json = uplink.readable(asked.kind, payload, formOf(topic), refused);
  if (json === payload) return payload;
  return json && Buffer.from(json.buffer, json.byteOffset, json.byteLength);
}

type Answer = Extract<AttributesAnswer, { readonly kind: 'answer' }>;

export function attributesAnswer(topic: string, id: string, answer: Answer, profile: DeviceProfile): string | Buffer {
  return isProtobuf(topic, profile) ? encodeAttributesAnswer(id, answer.found) : answer.text;
}

export function attributesUpdate(topic: string, downlink: Downlink, profile: DeviceProfile): string | Buffer {
  return isProtobuf(topic, profile) ? encodeAttributesUpdate(downlink, Date.now()) : downlink.text;
}

/** @param topic ends in the device's own number. */
export function rpcAnswer(topic: string, text: string, profile: DeviceProfile): string | Buffer {
  return isProtobuf(topic, profile) ? encodeRpcAnswer(topic.slice(topic.lastIndexOf('/') + 1), text) : text;
}
