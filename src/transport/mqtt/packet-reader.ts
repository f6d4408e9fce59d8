import { isUtf8 } from 'node:buffer';
import { type Refusal, reasonCodes } from './reason-codes.ts';

// U+0000 is never allowed [MQTT-1.5.4-2]; control and non-characters may be refused (MQTT 5.0, 1.5.4).
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const unfitForNames = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/;

const nothing = Buffer.alloc(0);

/**
 * Reads the fields of one packet body. The first fault is kept and every later read gives an empty value,
 * so that a decoder reads straight on and asks once, at the end, whether all was well.
 */
export class PacketReader {
  #fault: Refusal | undefined;
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  fault(): Refusal | undefined {
    return this.#fault;
  }

  get left(): number {
    return this.#fault ? 0 : this.#end - this.#at;
  }

  fail(reason: string, reasonCode: number = reasonCodes.malformedPacket): void {
    this.#fault ??= { reason, reasonCode };
  }

  byte(): number {
    if (!this.#has(1)) return 0;
    return this.#bytes[this.#at++] ?? 0;
  }

  uint16(): number {
    if (!this.#has(2)) return 0;
    const value = this.#bytes.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  uint32(): number {
    if (!this.#has(4)) return 0;
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Variable byte integer, at most four bytes and in its shortest form [MQTT-1.5.5-1]. */
  varint(): number {
    let value = 0;
    for (let factor = 1, count = 1; ; factor *= 128, count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (byte === 0 && count > 1) this.fail('variable byte integer is longer than needed');
        return value;
      }
      if (count === 4) {
        this.fail('variable byte integer has more than 4 bytes');
        return 0;
      }
    }
  }

  /** Packet identifier: 0 is reserved [MQTT-2.2.1-3]. */
  packetId(): number {
    const id = this.uint16();
    if (id === 0) this.fail('packet identifier is 0', reasonCodes.protocolError);
    return id;
  }

  binary(): Buffer {
    const length = this.uint16();
    if (!this.#has(length)) return nothing;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Well-formed UTF-8 without U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2]. */
  text(what: string): string {
    const { text } = this.#string(what);
    if (text.includes('\0')) this.fail(`${what} contains U+0000`);
    return text;
  }

  /** As text, and free of control characters: topics, client ids and user names. */
  name(what: string, reasonCode: number = reasonCodes.malformedPacket): string {
    const { text, plain } = this.#string(what, reasonCode);
    if (!plain && unfitForNames.test(text)) this.fail(`${what} contains a forbidden character`, reasonCode);
    return text;
  }

  rest(): Buffer {
    const at = this.#at;
    this.#at = this.#end;
    return this.#bytes.subarray(at, this.#end);
  }

  /** Runs the reader over the next bytes only: a field that would reach past them is a fault. */
  within(length: number, read: () => void): void {
    if (!this.#has(length)) return;
    const end = this.#end;
    this.#end = this.#at + length;
    while (this.left > 0) read();
    this.#end = end;
  }

  finish(): void {
    if (this.left > 0) this.fail('packet is longer than its fields');
  }

  #has(count: number): boolean {
    if (this.#fault) return false;
    if (this.#at + count <= this.#end) return true;
    this.fail('packet is shorter than its fields');
    return false;
  }

  #string(what: string, reasonCode?: number): { text: string; plain: boolean } {
    const bytes = this.binary();
    // Names are short and nearly always printable ASCII, which needs neither of the two slower checks.
    let plain = true;
    for (let i = 0; i < bytes.length && plain; i++) {
      const byte = bytes[i] ?? 0;
      plain = byte >= 0x20 && byte < 0x7f;
    }
    if (plain) return { text: bytes.toString('latin1'), plain };
    if (!isUtf8(bytes)) this.fail(`${what} is not well-formed UTF-8`, reasonCode);
    return { text: bytes.toString('utf8'), plain };
  }
}
