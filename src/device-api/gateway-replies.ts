import type { Device } from '../model/device.ts';
import { stringifyJson } from '../model/json.ts';
import type { TimedValue } from '../model/telemetry.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import type { SubAttributeRequest } from './gateway-payload.ts';
import {
  GATEWAY_ATTRIBUTES_RESPONSE,
  GATEWAY_ATTRIBUTES_UPDATE,
  GATEWAY_CALL,
  GATEWAY_DISCONNECT_DEVICE,
} from './gateway-protobuf-messages.ts';
import { answerFields, encode, updateFields } from './protobuf-replies.ts';
import { formatCallWithId } from './rpc-poll.ts';
import type { CallToDevice } from './rpc-queue.ts';
import type { Downlink } from './sessions.ts';

/** Attributes of a sub-device as they were asked for. */
export interface SubAttributes extends SubAttributeRequest {
  readonly found: ReadonlyMap<string, TimedValue>;
}

/**
 * What goes to a gateway for its sub-devices, in the form of the gateway's profile. "JSON on the default downlink topics"
 * does not reach these, as at ThingsBoard (thingsboard-device-api 5.3).
 */
type Form = Pick<DeviceProfile, 'protobuf'>;

export function formatSubAttributes({ device, id, keys, scope, found }: SubAttributes, form: Form): string | Buffer {
  if (form.protobuf) {
    const scoped = scope === 'CLIENT_SCOPE' ? { client: found } : { shared: found };
    const responseMsg = answerFields(id, { ...scoped, keys: keys.length });
    return encode(GATEWAY_ATTRIBUTES_RESPONSE, { deviceName: device, responseMsg });
  }
  const values = [...found].map(([key, { value }]) => [key, value] as const);
  const only = keys.length === 1 ? values[0]?.[1] : undefined;
  if (only !== undefined) return stringifyJson({ id, device, value: only });
  return stringifyJson(values.length === 0 ? { id, device } : { id, device, values: Object.fromEntries(values) });
}

/** @param now the time that the values get, ms. */
export function formatSubUpdate({ name }: Device, downlink: Downlink, form: Form, now: number): string | Buffer {
  if (!form.protobuf) return `{"device":${JSON.stringify(name)},"data":${downlink.text}}`;
  return encode(GATEWAY_ATTRIBUTES_UPDATE, { deviceName: name, notificationMsg: updateFields(downlink, now) });
}

export function formatSubCall({ name }: Device, call: CallToDevice, form: Form): string | Buffer {
  if (!form.protobuf) return `{"device":${JSON.stringify(name)},"data":${formatCallWithId(call)}}`;
  const rpcRequestMsg = { requestId: call.id | 0, methodName: call.method, params: call.params };
  return encode(GATEWAY_CALL, { deviceName: name, rpcRequestMsg });
}

/** A sub-device was refused. @param reason ThingsBoard's number for it. */
export function formatSubDisconnect(device: string, reason: number, form: Form): string | Buffer {
  if (!form.protobuf) return JSON.stringify({ device, reason });
  return encode(GATEWAY_DISCONNECT_DEVICE, { deviceName: device, reasonCode: reason });
}
