import mqtt from 'mqtt-packet';
import type { ProtocolVersion } from './packet-decoder.ts';
import { type Refusal, reasonCodes } from './reason-codes.ts';

/**
 * The last packet for a client that must go: a CONNACK for its refused CONNECT, DISCONNECT on MQTT 5, or nothing.
 * @param version of an accepted CONNECT. @param beforeConnect no CONNECT has been accepted.
 */
export function farewell(
  refusal: Refusal,
  version: ProtocolVersion | undefined,
  beforeConnect: boolean,
): Buffer | undefined {
  const { reasonCode, connectVersion } = refusal;
  if (connectVersion === 5 && beforeConnect)
    return mqtt.generate({ cmd: 'connack', sessionPresent: false, reasonCode }, { protocolVersion: 5 });
  if (connectVersion && beforeConnect) {
    // 3.1 and 3.1.1 know two of the reasons: level (1) and client id (2).
    const returnCode = reasonCode === reasonCodes.unsupportedVersion ? 1 : 2;
    if (returnCode === 2 && reasonCode !== reasonCodes.clientIdNotValid) return undefined;
    return mqtt.generate({ cmd: 'connack', sessionPresent: false, returnCode }, { protocolVersion: 4 });
  }
  return version === 5 ? mqtt.generate({ cmd: 'disconnect', reasonCode }, { protocolVersion: 5 }) : undefined;
}
