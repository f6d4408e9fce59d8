import mqtt, { type IPublishPacket } from 'mqtt-packet';
import type { ProtocolVersion } from './packet-decoder.ts';

/** Everything of a PUBLISH that stands before a payload of `bytes` bytes. */
export function publishHeader(
  publish: {
    readonly topic: string;
    readonly qos: 0 | 1 | 2;
    readonly messageId: number | undefined;
    readonly bytes: number;
  },
  protocolVersion: ProtocolVersion,
): Buffer {
  const { topic, qos, messageId = 0, bytes } = publish;
  const empty: IPublishPacket = { cmd: 'publish', topic, qos, payload: '', dup: false, retain: false, messageId };
  return stretched(mqtt.generate(empty, { protocolVersion }), bytes);
}

/** The header of a PUBLISH without payload, for one of `more` bytes. */
function stretched(bytes: Buffer, more: number): Buffer {
  let start = 1;
  while ((bytes[start++] ?? 0) >= 0x80);
  const length: number[] = [];
  let left = bytes.length - start + more;
  do {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>>= 7;
  } while (left > 0);
  return Buffer.concat([bytes.subarray(0, 1), Buffer.from(length), bytes.subarray(start)]);
}
