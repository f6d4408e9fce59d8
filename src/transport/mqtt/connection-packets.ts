import mqtt, { type IPublishPacket } from 'mqtt-packet';
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

export interface ConnackFacts {
  readonly maximumPacketSize: number;
  readonly receiveMaximum: number;
  /** Given by the broker; absent = the client's own. */
  readonly assignedId: string | undefined;
  /** Wanted by the broker, s; absent = what the client asked for. */
  readonly keepAlive: number | undefined;
  /** The session ends with the connection, which is not what the client asked for. */
  readonly sessionEnds: boolean;
  /** Comes right behind it. */
  readonly push: IPublishPacket | undefined;
}

const CONNACK_V3 = Buffer.from([0x20, 2, 0, 0]);

/** The CONNACK of a client that is let in, and what comes with it. */
export function connack(version: number, { push, ...facts }: ConnackFacts): Buffer {
  const answer = plainConnack(version, facts);
  if (push === undefined) return answer;
  return Buffer.concat([answer, mqtt.generate(push, { protocolVersion: version as ProtocolVersion })]);
}

/** Without a stored session. Shared subscriptions are off [MQTT-3.2.2-13]. */
function plainConnack(
  version: number,
  { maximumPacketSize, receiveMaximum, assignedId, keepAlive, sessionEnds }: Omit<ConnackFacts, 'push'>,
): Buffer {
  if (version !== 5) return CONNACK_V3;
  const properties = {
    sharedSubscriptionAvailable: false,
    ...(maximumPacketSize > 0 ? { maximumPacketSize } : {}),
    ...(receiveMaximum > 0 ? { receiveMaximum } : {}),
    ...(assignedId === undefined ? {} : { assignedClientIdentifier: assignedId }),
    ...(keepAlive === undefined ? {} : { serverKeepAlive: keepAlive }),
    ...(sessionEnds ? { sessionExpiryInterval: 0 } : {}),
  };
  const packet = { cmd: 'connack', sessionPresent: false, reasonCode: reasonCodes.success, properties } as const;
  return mqtt.generate(packet, { protocolVersion: 5 });
}
