import { isUtf8 } from 'node:buffer';

/**
 * Reads protobuf's wire form. The first fault stays in `problem`, and from then on nothing is left to read: callers
 * look at it once, at the end. Never throws.
 */
export class ProtoReader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;
  /** The last varint or fixed value read, as two unsigned halves. */
  low = 0;
  high = 0;
  problem: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  fail(problem: string): void {
    this.problem ??= `${problem} (byte ${this.#at})`;
    this.#at = this.#end;
  }

  /** Up to ten bytes into `low` and `high`; bits beyond 64 are lost. */
  varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) {
        this.fail('is cut off within a number');
        break;
      }
      const byte = this.#bytes[this.#at++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    this.fail('a number is longer than ten bytes');
    this.low = 0;
    this.high = 0;
  }

  fixed32(): void {
    const at = this.#take(4);
    this.low = at === undefined ? 0 : this.#bytes.readUInt32LE(at);
    this.high = 0;
  }

  fixed64(): void {
    const at = this.#take(8);
    this.low = at === undefined ? 0 : this.#bytes.readUInt32LE(at);
    this.high = at === undefined ? 0 : this.#bytes.readUInt32LE(at + 4);
  }

  float(): number {
    const at = this.#take(4);
    return at === undefined ? 0 : this.#bytes.readFloatLE(at);
  }

  double(): number {
    const at = this.#take(8);
    return at === undefined ? 0 : this.#bytes.readDoubleLE(at);
  }

  /** Bytes behind their length. */
  bytes(): Buffer {
    const length = this.#length();
    const at = this.#take(length);
    return at === undefined ? Buffer.alloc(0) : this.#bytes.subarray(at, at + length);
  }

  text(): string {
    const bytes = this.bytes();
    if (!isUtf8(bytes)) this.fail('a text is not UTF-8');
    return bytes.toString('utf8');
  }

  /** What stands behind a length is read on its own: nothing in it may reach beyond its end. */
  within(read: () => void): void {
    const length = this.#length();
    const start = this.#take(length);
    if (start === undefined) return;
    const end = this.#end;
    this.#at = start;
    this.#end = start + length;
    read();
    this.#at = this.problem === undefined ? start + length : end;
    this.#end = end;
  }

  skip(wire: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.#take(8);
    else if (wire === 2) this.#take(this.#length());
    else this.#take(4);
  }

  #length(): number {
    this.varint();
    return this.high === 0 ? this.low : Number.POSITIVE_INFINITY;
  }

  #take(length: number): number | undefined {
    const start = this.#at;
    if (length > this.#end - start) {
      this.fail('is cut off');
      return undefined;
    }
    this.#at = start + length;
    return start;
  }
}
