import { type Refusal, reasonCodes } from './reason-codes.ts';

/** One MQTT packet as it came: the first byte, and the bytes after the remaining length. */
export interface Frame {
  readonly first: number;
  readonly body: Buffer;
}

/** Cuts a byte stream into packets. Holds at most one read chunk, or one packet within the limit. */
export interface FrameSplitter {
  push(chunk: Buffer): void;
  /** The next whole packet, a refusal (then the stream is at its end), or undefined when more bytes are needed. */
  next(): Frame | Refusal | undefined;
  /** Bytes held that no packet has taken yet. */
  readonly held: number;
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

/** A packet that is known to be too large is refused from its fixed header: nothing of its body is kept. */
export function createFrameSplitter(rules: FrameRules): FrameSplitter {
  let bytes: Buffer = none; // unread bytes are bytes[start, end); the rest of the allocation is room to grow
  let start = 0;
  let end = 0;
  let grown = false; // bytes is our own allocation with room at its end
  let checked = false;

  return {
    get held() {
      return end - start;
    },
    push(chunk) {
      if (start === end) {
        bytes = chunk;
        grown = false;
        start = 0;
        end = chunk.length;
        return;
      }
      if (!grown || end + chunk.length > bytes.length) {
        // Doubling keeps a packet that trickles in byte by byte linear in time.
        const held = end - start;
        const room = Buffer.allocUnsafe(Math.max(held + chunk.length, smallestHold, 2 * held));
        bytes.copy(room, 0, start, end);
        bytes = room;
        grown = true;
        start = 0;
        end = held;
      }
      chunk.copy(bytes, end);
      end += chunk.length;
    },
    next() {
      if (start === end) return undefined;
      const first = bytes[start] ?? 0;
      if (!checked) {
        const refusal = rules.checkFirst(first);
        if (refusal) return refusal;
        checked = true;
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
      if (at - start + length > rules.maxPacketBytes())
        return { reason: 'packet too large', reasonCode: reasonCodes.packetTooLarge };
      if (end - at < length) return undefined;
      const body = bytes.subarray(at, at + length);
      start = at + length;
      checked = false;
      if (start === end) {
        bytes = none;
        start = 0;
        end = 0;
      }
      return { first, body };
    },
  };
}
