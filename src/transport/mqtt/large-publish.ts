import type { Client } from 'aedes';
import mqtt, { type IPublishPacket } from 'mqtt-packet';
import { admitDownlink, maxPendingBytes, nextMessageId } from './downlink.ts';
import type { ProtocolVersion } from './packet-decoder.ts';

/**
 * Publishes a payload that is too large to be held, block by block, as the socket takes them; what else is written meanwhile
 * waits for its end, within `maxPendingBytes`. False, and nothing written, when the client may not have it.
 * @param stallMs a client that takes nothing for so long is closed.
 */
export async function streamPublish(
  client: Client,
  { topic, qos }: { readonly topic: string; readonly qos: 0 | 1 | 2 },
  length: number,
  blocks: AsyncIterable<Buffer>,
  stallMs: number,
): Promise<boolean> {
  const messageId = qos === 0 ? undefined : nextMessageId(client);
  if (!client.connected || (qos > 0 && messageId === undefined)) return false;
  const version = client.version as ProtocolVersion;
  const header = publishHeader({ topic, qos, messageId, bytes: length }, version);
  if (!admitDownlink(client, header.length + length, messageId)) return false;
  const mostHeld = maxPendingBytes(client);
  const { conn } = client;
  const { write } = conn;
  const held: Buffer[] = [];
  let heldBytes = 0;
  const open = (): boolean => !conn.destroyed && !conn.writableEnded;
  conn.write = ((chunk: Buffer | string) => {
    const bytes = Buffer.from(chunk as Buffer);
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes > mostHeld) client.close();
    return true;
  }) as typeof write;
  const put = async (bytes: Buffer): Promise<void> => {
    if (!open() || write.call(conn, bytes)) return;
    const timer = setTimeout(() => client.close(), stallMs);
    await new Promise<void>((resolve) => {
      const go = (): void => {
        conn.off('drain', go).off('close', go);
        resolve();
      };
      conn.once('drain', go).once('close', go);
    });
    clearTimeout(timer);
  };
  try {
    await put(header);
    for await (const block of blocks) {
      if (!open()) return true;
      await put(block);
    }
  } catch (error) {
    client.close(); // half a message cannot be taken back
    throw error;
  } finally {
    conn.write = write;
    for (const bytes of held) if (open()) conn.write(bytes);
  }
  return true;
}

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
