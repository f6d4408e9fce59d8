import type { RawPacket } from '../../helpers/mqtt-raw.ts';

const ackNames: ReadonlyMap<number, string> = new Map([
  [4, 'puback'],
  [5, 'pubrec'],
  [6, 'pubrel'],
  [7, 'pubcomp'],
]);

/** What a server packet says, apart from what a server may choose: two packets that mean the same read the same. */
export interface Meaning {
  /** Type and, where there is one, packet id: an answer to the same question. */
  readonly about: string;
  readonly says: string;
  /** Packet id of a PUBLISH: the server's choice, so it stands in neither text. */
  readonly publishId?: number;
}

export function packetFrom(bytes: Buffer): RawPacket {
  const lengthBytes = bytes.subarray(1).findIndex((byte) => byte < 0x80) + 1;
  return { first: bytes[0] ?? 0, body: bytes.subarray(1 + lengthBytes) };
}

export function meaningOf({ first, body }: RawPacket, version: 3 | 4 | 5): Meaning {
  const type = first >> 4;
  const ack = ackNames.get(type);
  // Capabilities in the CONNACK are the server's own; what counts is the code.
  if (type === 2) return { about: 'connack', says: hex(body[1]) };
  if (ack) return { about: `${ack} ${idOf(body, 0)}`, says: successAlike(body[2] ?? 0) };
  if (type === 9 || type === 11) {
    const codes = version === 5 ? body.subarray(3 + (body[2] ?? 0)) : body.subarray(2);
    return { about: `${type === 9 ? 'suback' : 'unsuback'} ${idOf(body, 0)}`, says: codes.toString('hex') };
  }
  if (type === 13) return { about: 'pingresp', says: '' };
  if (type === 14) return { about: 'disconnect', says: hex(body[0] ?? 0) };
  if (type !== 3) return { about: `type ${type}`, says: body.toString('hex') };
  const topicEnd = 2 + idOf(body, 0);
  const qos = (first >> 1) & 3;
  const rest = body.subarray(topicEnd + (qos > 0 ? 2 : 0)).toString('latin1');
  const about = `publish ${body.subarray(2, topicEnd).toString('latin1')}`;
  const says = `qos ${qos} retain ${first & 1} ${JSON.stringify(rest)}`;
  return qos > 0 ? { about, says, publishId: idOf(body, topicEnd) } : { about, says };
}

export function textOf({ about, says }: Meaning): string {
  return says === '' ? about : `${about} ${says}`;
}

function idOf(body: Buffer, at: number): number {
  return body.length < at + 2 ? 0 : body.readUInt16BE(at);
}

/** 0x10 (no matching subscribers) is a courtesy [MQTT 5.0, 3.4.2.1]. */
function successAlike(code: number): string {
  return hex(code === 0x10 ? 0 : code);
}

function hex(code: number | undefined): string {
  return code === undefined ? '' : code.toString(16).padStart(2, '0');
}
