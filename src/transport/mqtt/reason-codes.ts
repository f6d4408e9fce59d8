/** MQTT 5 reason codes that this front puts on the wire (MQTT 5.0, 2.4). */
export const reasonCodes = {
  success: 0x00,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedVersion: 0x84,
  clientIdNotValid: 0x85,
  notAuthorized: 0x87,
  serverShuttingDown: 0x8b,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdInUse: 0x91,
  packetIdNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  useAnotherServer: 0x9c,
  connectionRateExceeded: 0x9f,
} as const satisfies Record<string, number>;

/** Why a connection must end: a sentence for the log and the MQTT 5 code for the peer. */
export interface Refusal {
  readonly reason: string;
  readonly reasonCode: number;
  /** Protocol level of a refused CONNECT, when it was readable: the refusal can then be a CONNACK. */
  readonly connectVersion?: 3 | 4 | 5;
}
