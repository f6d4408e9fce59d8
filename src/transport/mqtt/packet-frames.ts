import { type Refusal, reasonCodes } from './reason-codes.ts';

/** One MQTT packet as it came: the first byte, and where the bytes after the remaining length are. */
export interface Frame {
  readonly first: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Cuts a byte stream into packets. Holds at most one read chunk, or one packet within the limit. */
export interface FrameSplitter {
  push(chunk: Buffer): void;
  /** The next whole packet, a refusal (then the stream is at its end), or undefined when more bytes are needed. */
  next(): Frame | Refusal | undefined;
  /** Bytes held that no packet has taken yet. */
  readonly held: number;
  /** Gives them away. */
  take(): Buffer;
}

export interface FrameRules {
  /** Checks the first byte before its length has come, so that a wrong packet is never buffered. */
  checkFirst(first: number): Refusal | undefined;
  /** Largest packet in bytes on the wire, fixed header included. */
  maxPacketBytes(): number;
}

const none = Buffer.alloc(0);
const smallestHold = 1024;

export function isRefusal(value: Frame | Refusal): value is Refusal {
  return 'reasonCode' in value;
}

/** The packet as it came. */
export function frameBytes({ first, bytes, start, end }: Frame): Buffer {
  const header = [first];
  let length = end - start;
  do {
    header.push((length % 128) | (length > 127 ? 0x80 : 0));
    length = Math.floor(length / 128);
  } while (length > 0);
  return Buffer.concat([Buffer.from(header), bytes.subarray(start, end)]);
}

/** A packet that is known to be too large is refused from its fixed header: nothing of its body is kept. */
export function createFrameSplitter(rules: FrameRules): FrameSplitter {
  return new Splitter(rules);
}

class Splitter implements FrameSplitter {
  readonly #rules: FrameRules;
  /** Unread bytes are bytes[start, end); the rest of the allocation is room to grow. */
  #bytes: Buffer = none;
  #start = 0;
  #end = 0;
  /** `bytes` is our own allocation with room at its end. */
  #grown = false;
  #checked = false;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  get held(): number {
    return this.#end - this.#start;
  }

  take(): Buffer {
    const held = this.#bytes.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return held;
  }

  push(chunk: Buffer): void {
    const { held } = this;
    if (held === 0) {
      this.#bytes = chunk;
      this.#grown = false;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (!this.#grown || this.#end + chunk.length > this.#bytes.length) {
      // Doubling keeps a packet that trickles in byte by byte linear in time.
      const room = Buffer.allocUnsafe(Math.max(held + chunk.length, smallestHold, 2 * held));
      this.#bytes.copy(room, 0, this.#start, this.#end);
      this.#bytes = room;
      this.#grown = true;
      this.#start = 0;
      this.#end = held;
    }
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }

  next(): Frame | Refusal | undefined {
    const bytes = this.#bytes;
    const start = this.#start;
    const end = this.#end;
    if (start === end) return undefined;
    const first = bytes[start] ?? 0;
    if (!this.#checked) {
      const refusal = this.#rules.checkFirst(first);
      if (refusal) return refusal;
      this.#checked = true;
    }
    let length = 0;
    let at = start + 1;
    for (let factor = 1; ; factor *= 128) {
      if (at === end) return undefined;
      const byte = bytes[at++] ?? 0;
      length += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      if (at - start === 5)
        return { reason: 'remaining length has more than 4 bytes', reasonCode: reasonCodes.malformedPacket };
    }
    if (at - start + length > this.#rules.maxPacketBytes())
      return { reason: 'packet too large', reasonCode: reasonCodes.packetTooLarge };
    if (end - at < length) return undefined;
    this.#start = at + length;
    this.#checked = false;
    if (this.#start === end) {
      this.#bytes = none;
      this.#start = 0;
      this.#end = 0;
    }
    return { first, bytes, start: at, end: at + length };
  }
}
