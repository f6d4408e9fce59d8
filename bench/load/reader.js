/**
 * Cuts a byte stream into MQTT packets. A packet that ends in a later chunk is kept until it is whole.
 * `onPacket(firstByte, bytes, start, end)` gets the body as a range of `bytes`, valid only during the call.
 */
export class PacketReader {
  #rest = Buffer.alloc(0);
  #onPacket;

  /** @param {(firstByte: number, bytes: Buffer, start: number, end: number) => void} onPacket */
  constructor(onPacket) {
    this.#onPacket = onPacket;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + 2 <= bytes.length) {
      let length = 0;
      let scale = 1;
      let body = at + 1;
      let digit = 0x80;
      while (body < bytes.length && digit >= 0x80) {
        if (body - at > 4) throw new Error('The server sent a remaining length of more than four bytes.');
        digit = bytes[body++] ?? 0;
        length += (digit & 0x7f) * scale;
        scale *= 128;
      }
      if (digit >= 0x80 || body + length > bytes.length) break;
      this.#onPacket(bytes[at] ?? 0, bytes, body, body + length);
      at = body + length;
    }
    // The chunk's memory is used again for the next read of any socket: what is kept is copied.
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
    else if (this.#rest.length > 0) this.#rest = Buffer.alloc(0);
  }
}
