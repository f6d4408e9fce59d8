import type { Client } from 'aedes';
import mqtt, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { guardOf } from './aedes-private.ts';
import { reasonCodes } from './reason-codes.ts';

/**
 * Whether a packet of `bytes` bytes may be written to the client. A publish that asks for an acknowledgement gives its
 * `messageId`, which then counts as under way.
 */
export function admitDownlink(client: Client, bytes: number, messageId: number | undefined): boolean {
  const guard = guardOf(client);
  if (!guard || guard.leaving || !client.connected || client.conn.destroyed) return false;
  guard.writeAcks();
  if (bytes > (client.maximumPacketSize ?? Number.POSITIVE_INFINITY)) return false; // [MQTT-3.1.2-24]
  if (messageId === undefined) return true;
  if (guard.gate.unacknowledged.size >= client.receiveMaximum) return false; // [MQTT-3.3.4-9]
  guard.gate.sent(messageId);
  return true;
}

/** Whether the client may be sent another message that it has to acknowledge. */
export function takesAcknowledged(client: Client): boolean {
  return (guardOf(client)?.gate.unacknowledged.size ?? 0) < client.receiveMaximum;
}

/** Whether the message is one that the client never takes [MQTT-3.1.2-24]. */
export function isTooLarge(client: Client, packet: IPublishPacket): boolean {
  const { maximumPacketSize } = client;
  if (maximumPacketSize === undefined) return false;
  const numbered = { ...packet, messageId: 1 };
  return mqtt.generate(numbered, { protocolVersion: client.version }).length > maximumPacketSize;
}

/** Bytes that may wait for the client's socket. */
export function maxPendingBytes(client: Client): number {
  return guardOf(client)?.options.maxPendingBytes ?? 1024 * 1024;
}

/**
 * Writes a packet straight to the client's socket in its protocol version. False, and nothing written, when the
 * client is not connected, its socket buffer is full, or its Maximum Packet Size or Receive Maximum forbids it.
 */
export function writePacket(client: Client, packet: Packet): boolean {
  const written = write(client, packet);
  if (packet.cmd === 'publish') guardOf(client)?.options.onDownlink?.(client, written);
  return written;
}

function write(client: Client, packet: Packet): boolean {
  const guard = guardOf(client);
  if (!guard || !client.connected || pendingBytes(client) > maxPendingBytes(client)) return false;
  const bytes = mqtt.generate(packet, { protocolVersion: client.version });
  const asksForAck = packet.cmd === 'publish' && packet.qos > 0;
  if (!admitDownlink(client, bytes.length, asksForAck ? packet.messageId : undefined)) return false;
  if (packet.cmd === 'pubrec' && packet.messageId !== undefined)
    guard.gate.settled(packet.messageId, (packet.reasonCode ?? reasonCodes.success) >= reasonCodes.unspecified);
  client.conn.write(bytes);
  return true;
}

/** Bytes written to the client that its socket has not taken. */
export function pendingBytes(client: Client): number {
  return client.conn.writableLength;
}

/** A packet identifier no message on its way has, 1 to 65535; undefined when all are in use. */
export function nextMessageId(client: Client): number | undefined {
  const guard = guardOf(client);
  if (!guard) return undefined;
  const used = guard.gate.unacknowledged;
  if (used.size >= 0xffff) return undefined;
  do guard.lastMessageId = (guard.lastMessageId % 0xffff) + 1;
  while (used.has(guard.lastMessageId));
  return guard.lastMessageId;
}
