import { isUtf8 } from 'node:buffer';
import { type Refusal, reasonCodes } from './reason-codes.ts';

// U+0000 is never allowed [MQTT-1.5.4-2]; control and non-characters may be refused (MQTT 5.0, 1.5.4).
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const unfitForNames = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/;

const nothing = Buffer.alloc(0);

/** The last topic, which the next packet most often has, too. */
let lastTopic = '';

/**
 * Reads the fields of one packet body after the other. The first fault is kept and every later read gives an empty value,
 * so that a decoder reads straight on and asks once, at the end, whether all was well.
 */
export class PacketReader {
  #fault: Refusal | undefined;
  #bytes: Buffer = nothing;
  #at = 0;
  #end = 0;

  /** What it reads from now on. */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#fault = undefined;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
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
    const high = this.#bytes[this.#at++] ?? 0;
    return (high << 8) | (this.#bytes[this.#at++] ?? 0);
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

  /** The name of a topic: the same string as that of the last packet when it is the same. */
  topic(): string {
    const bytes = this.#bytes;
    const start = this.#at + 2;
    const end = start + lastTopic.length;
    if (this.#fault || end > this.#end || this.left < 2) return this.name('topic');
    if (bytes[start - 2] !== lastTopic.length >> 8 || bytes[start - 1] !== (lastTopic.length & 0xff))
      return this.#newTopic();
    for (let at = start; at < end; at++) if (bytes[at] !== lastTopic.charCodeAt(at - start)) return this.#newTopic();
    this.#at = end;
    return lastTopic;
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

  #newTopic(): string {
    const { text, plain } = this.#string('topic');
    if (plain) lastTopic = text;
    else if (unfitForNames.test(text)) this.fail('topic contains a forbidden character');
    return text;
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
