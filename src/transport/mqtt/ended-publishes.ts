import type { Duplex } from 'node:stream';
import type { IPublishPacket } from 'mqtt-packet';

/** Publishes of one connection that ended in the same turn: their PUBACKs are one write. */
export class EndedPublishes {
  count = 0;
  #messageIds: number[] = [];

  add({ qos, messageId }: IPublishPacket): void {
    this.count++;
    if (qos === 1 && messageId !== undefined) this.#messageIds.push(messageId);
  }

  /** Writes the acknowledgements that have not been written. */
  acknowledge(conn: Duplex): void {
    const ids = this.#messageIds;
    if (ids.length === 0 || conn.destroyed) return;
    this.#messageIds = [];
    conn.write(pubacks(ids));
  }
}

/** Without a reason code a PUBACK says in every version that all went well [MQTT-3.4.2-1]. */
function pubacks(messageIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * messageIds.length);
  let at = 0;
  for (const id of messageIds) {
    bytes[at++] = 0x40;
    bytes[at++] = 2;
    bytes[at++] = id >> 8;
    bytes[at++] = id & 0xff;
  }
  return bytes;
}
