import type { IConnectPacket, IPublishPacket, ISubscription, Packet, QoS } from 'mqtt-packet';
import type { Frame } from './packet-frames.ts';
import { readProperties } from './packet-properties.ts';
import { PacketReader } from './packet-reader.ts';
import { type Refusal, reasonCodes } from './reason-codes.ts';

export type ProtocolVersion = 3 | 4 | 5;

/** What a client sends, in mqtt-packet's shape: aedes reads the same fields. */
export type ClientPacket = Packet & { length: number };

type Ack = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';

const serverOnly = new Set([2, 9, 11, 13]);
const flagsOf: readonly (number | undefined)[] = [0, 0, 0, undefined, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0];
const packetTypes: readonly string[] =
  'reserved connect connack publish puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback pingreq pingresp disconnect auth'.split(
    ' ',
  );
const ackTypes: ReadonlyMap<number, Ack> = new Map([
  [4, 'puback'],
  [5, 'pubrec'],
  [6, 'pubrel'],
  [7, 'pubcomp'],
]);
const receivedCodes = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const releaseCodes = new Set([0x00, 0x92]);
// MQTT 5.0, 3.14.2.1: the codes a client may give.
const disconnectCodes = new Set([0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]);

/**
 * Judges the first byte of a packet, when nothing else of it may have come yet.
 * `version` is undefined before the CONNECT, which must be the first packet [MQTT-3.1.0-1].
 */
export function checkFirstByte(first: number, version: ProtocolVersion | undefined): Refusal | undefined {
  const type = first >> 4;
  const flags = first & 0x0f;
  if (version === undefined && type !== 1) return protocolError(`${packetTypes[type]} before CONNECT`);
  if (type === 0) return protocolError('packet type 0 is reserved');
  if (serverOnly.has(type)) return protocolError(`${packetTypes[type]} is for servers only`);
  if (version !== undefined && type === 1) return protocolError('second CONNECT'); // [MQTT-3.1.0-2]
  if (type === 15) return protocolError('AUTH without an authentication method'); // [MQTT-4.12.0-1]
  const wanted = flagsOf[type];
  if (wanted !== undefined) return flags === wanted ? undefined : malformed('reserved header flags'); // [MQTT-2.1.3-1]
  if ((flags & 0x06) === 0x06) return malformed('PUBLISH with QoS 3'); // [MQTT-3.3.1-4]
  if ((flags & 0x0e) === 0x08) return malformed('PUBLISH with DUP and QoS 0'); // [MQTT-3.3.1-2]
  return undefined;
}

/**
 * Decodes a packet whose first byte was judged fit. Strict: every MUST of MQTT 3.1, 3.1.1 and 5.0 that one packet
 * can break is a refusal, with the code the specification names. Payloads are slices of the read chunk.
 */
export function decodePacket(
  { first, bytes, start, end }: Frame,
  version: ProtocolVersion | undefined,
): { packet: ClientPacket } | { refusal: Refusal } {
  reader.begin(bytes, start, end);
  if (version === undefined) return decodeConnect(reader, end - start);
  const packet = decodeBody(reader, first, end - start, version);
  reader.finish();
  const refusal = reader.fault();
  return refusal ? { refusal } : { packet };
}

/** Packets are read one after the other, each at once. */
const reader = new PacketReader();

function decodeBody(reader: PacketReader, first: number, length: number, version: ProtocolVersion): ClientPacket {
  const type = first >> 4;
  if (type === 3) return decodePublish(reader, first, length, version);
  const ack = ackTypes.get(type);
  if (ack) return decodeAck(reader, ack, length, version);
  switch (type) {
    case 8:
      return decodeSubscribe(reader, length, version);
    case 10:
      return decodeUnsubscribe(reader, length, version);
    case 14:
      return decodeDisconnect(reader, length, version);
    default:
      return { cmd: 'pingreq', length };
  }
}

function decodePublish(reader: PacketReader, first: number, length: number, version: ProtocolVersion): ClientPacket {
  const qos = ((first >> 1) & 0x03) as QoS;
  const retain = (first & 0x01) === 1;
  const dup = (first & 0x08) !== 0;
  const topic = reader.topic();
  const messageId = qos > 0 ? reader.packetId() : 0;
  const properties = version === 5 ? readProperties(reader, 'publish') : undefined;
  const payload = reader.rest();
  const packet: IPublishPacket & { length: number } =
    qos > 0
      ? { cmd: 'publish', retain, qos, dup, length, topic, payload, messageId }
      : { cmd: 'publish', retain, qos, dup, length, topic, payload };
  if (properties) packet.properties = properties;
  return packet;
}

function decodeAck(reader: PacketReader, cmd: Ack, length: number, version: ProtocolVersion): ClientPacket {
  const messageId = reader.packetId();
  if (version !== 5) return { cmd, length, messageId };
  const reasonCode = length > 2 ? reader.byte() : reasonCodes.success;
  const properties = length > 3 ? readProperties(reader, 'ack') : undefined;
  const known = cmd === 'puback' || cmd === 'pubrec' ? receivedCodes : releaseCodes;
  if (!known.has(reasonCode)) reader.fail(`${cmd} with reason code ${reasonCode}`, reasonCodes.protocolError);
  return properties ? { cmd, length, messageId, reasonCode, properties } : { cmd, length, messageId, reasonCode };
}

function decodeSubscribe(reader: PacketReader, length: number, version: ProtocolVersion): ClientPacket {
  const messageId = reader.packetId();
  const properties = version === 5 ? readProperties(reader, 'subscribe') : undefined;
  const subscriptions: ISubscription[] = [];
  do {
    const topic = reader.name('topic filter');
    const options = reader.byte();
    const qos = (options & 0x03) as QoS;
    const rh = (options >> 4) & 0x03;
    if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0 || options % 4 === 3 || rh === 3)
      reader.fail('subscription options'); // [MQTT-3.8.3-4, MQTT-3.8.3-5]
    if (version === 5) subscriptions.push({ topic, qos, nl: (options & 0x04) !== 0, rap: (options & 0x08) !== 0, rh });
    else subscriptions.push({ topic, qos });
  } while (reader.left > 0);
  const packet = { cmd: 'subscribe', length, messageId, subscriptions } as const;
  return properties ? { ...packet, properties } : packet;
}

function decodeUnsubscribe(reader: PacketReader, length: number, version: ProtocolVersion): ClientPacket {
  const messageId = reader.packetId();
  const properties = version === 5 ? readProperties(reader, 'unsubscribe') : undefined;
  const unsubscriptions: string[] = [];
  do unsubscriptions.push(reader.name('topic filter'));
  while (reader.left > 0);
  const packet = { cmd: 'unsubscribe', length, messageId, unsubscriptions } as const;
  return properties ? { ...packet, properties } : packet;
}

function decodeDisconnect(reader: PacketReader, length: number, version: ProtocolVersion): ClientPacket {
  if (version !== 5 || length === 0) return { cmd: 'disconnect', length };
  const reasonCode = reader.byte();
  const properties = length > 1 ? readProperties(reader, 'disconnect') : undefined;
  if (!disconnectCodes.has(reasonCode))
    reader.fail(`disconnect with reason code ${reasonCode}`, reasonCodes.protocolError);
  return properties ? { cmd: 'disconnect', length, reasonCode, properties } : { cmd: 'disconnect', length, reasonCode };
}

function decodeConnect(reader: PacketReader, length: number): { packet: ClientPacket } | { refusal: Refusal } {
  const protocolId = reader.name('protocol name');
  const level = reader.byte();
  if (protocolId !== 'MQTT' && protocolId !== 'MQIsdp') reader.fail('protocol name');
  const unreadable = reader.fault();
  if (unreadable) return { refusal: unreadable };
  const version = protocolVersion(protocolId, level);
  if (version === undefined) return { refusal: unsupportedVersion(protocolId, level) };

  const flags = reader.byte();
  const has = (flag: number) => (flags & flag) !== 0;
  const willQos = (flags >> 3) & 0x03;
  if (has(0x01) && version !== 3) reader.fail('reserved connect flag'); // [MQTT-3.1.2-3]; 3.1 calls it unused
  if (willQos === 3) reader.fail('will QoS 3'); // [MQTT-3.1.2-12]
  if (!has(0x04) && (has(0x20) || willQos > 0)) reader.fail('will flags without a will'); // [MQTT-3.1.2-11]
  if (version !== 5 && has(0x40) && !has(0x80)) reader.fail('password without user name'); // [MQTT-3.1.2-22]
  const packet: IConnectPacket & { length: number; protocolVersion: ProtocolVersion } = {
    cmd: 'connect',
    length,
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion: version,
    clean: has(0x02),
    keepalive: reader.uint16(),
    clientId: '',
  };
  if (version === 5) {
    const properties = readProperties(reader, 'connect');
    if (properties) packet.properties = properties;
  }
  packet.clientId = reader.name(
    'client id',
    version === 5 ? reasonCodes.clientIdNotValid : reasonCodes.malformedPacket,
  );
  if (has(0x04)) packet.will = readWill(reader, version, willQos as QoS, has(0x20));
  if (has(0x80)) packet.username = reader.name('user name');
  if (has(0x40)) packet.password = reader.binary();
  reader.finish();
  const refusal = reader.fault();
  return refusal ? { refusal: { ...refusal, connectVersion: version } } : { packet };
}

function readWill(
  reader: PacketReader,
  version: ProtocolVersion,
  qos: QoS,
  retain: boolean,
): NonNullable<IConnectPacket['will']> {
  const properties = version === 5 ? readProperties(reader, 'will') : undefined;
  const will = { retain, qos, topic: reader.name('will topic'), payload: reader.binary() };
  return properties ? { ...will, properties } : will;
}

function protocolVersion(protocolId: string, level: number): ProtocolVersion | undefined {
  if (protocolId === 'MQIsdp') return level === 3 ? 3 : undefined;
  return level === 4 || level === 5 ? level : undefined;
}

/** A level between ours is answered in the form of 3.1.1, any other in the newest form [MQTT-3.1.2-2]. */
function unsupportedVersion(protocolId: string, level: number): Refusal {
  const reason = `protocol ${protocolId} level ${level}`;
  return { reason, reasonCode: reasonCodes.unsupportedVersion, connectVersion: level >= 3 && level <= 5 ? 4 : 5 };
}

function protocolError(reason: string): Refusal {
  return { reason, reasonCode: reasonCodes.protocolError };
}

function malformed(reason: string): Refusal {
  return { reason, reasonCode: reasonCodes.malformedPacket };
}
