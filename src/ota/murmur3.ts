const MASK64 = (1n << 64n) - 1n;
const rotl32 = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
const rotl64 = (x: bigint, by: bigint): bigint => ((x << by) & MASK64) | (x >> (64n - by));
const mul64 = (a: bigint, b: bigint): bigint => BigInt.asUintN(64, a * b);

/** Cuts a stream of bytes into whole words; what is left over waits for the next piece. */
class Words {
  readonly #bytes: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take(piece: Uint8Array): Buffer {
    const all = this.#rest.length === 0 ? Buffer.from(piece) : Buffer.concat([this.#rest, piece]);
    const whole = all.length - (all.length % this.#bytes);
    this.#rest = Buffer.from(all.subarray(whole));
    return all.subarray(0, whole);
  }

  get rest(): Buffer {
    return this.#rest;
  }
}

/** MurmurHash3 x86 32 bit, seed 0, in pieces. */
export class Murmur3x32 {
  readonly #words = new Words(4);
  #hash = 0;
  #length = 0;

  update(piece: Uint8Array): void {
    this.#length += piece.length;
    const whole = this.#words.take(piece);
    for (let at = 0; at < whole.length; at += 4) {
      this.#hash ^= mix32(whole.readUInt32LE(at));
      this.#hash = (Math.imul(rotl32(this.#hash, 13), 5) + 0xe6546b64) | 0;
    }
  }

  /** Four bytes, little-endian. */
  digest(): Buffer {
    const { rest } = this.#words;
    let hash = this.#hash;
    if (rest.length > 0) hash ^= mix32(rest.readUIntLE(0, rest.length));
    hash ^= this.#length;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(hash ^ (hash >>> 16));
    return bytes;
  }
}

const mix32 = (word: number): number => Math.imul(rotl32(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);

const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;
const mixLow = (k: bigint): bigint => mul64(rotl64(mul64(k, C1), 31n), C2);
const mixHigh = (k: bigint): bigint => mul64(rotl64(mul64(k, C2), 33n), C1);

/** MurmurHash3 x64 128 bit, seed 0, in pieces. */
export class Murmur3x128 {
  readonly #words = new Words(16);
  #low = 0n;
  #high = 0n;
  #length = 0;

  update(piece: Uint8Array): void {
    this.#length += piece.length;
    const whole = this.#words.take(piece);
    let low = this.#low;
    let high = this.#high;
    for (let at = 0; at < whole.length; at += 16) {
      low ^= mixLow(whole.readBigUInt64LE(at));
      low = BigInt.asUintN(64, rotl64(low, 27n) + high);
      low = BigInt.asUintN(64, low * 5n + 0x52dce729n);
      high ^= mixHigh(whole.readBigUInt64LE(at + 8));
      high = BigInt.asUintN(64, rotl64(high, 31n) + low);
      high = BigInt.asUintN(64, high * 5n + 0x38495ab5n);
    }
    this.#low = low;
    this.#high = high;
  }

  /** Sixteen bytes: both halves little-endian, the lower first. */
  digest(): Buffer {
    const tail = Buffer.alloc(16);
    this.#words.rest.copy(tail);
    let low = this.#low ^ mixLow(tail.readBigUInt64LE(0));
    let high = this.#high ^ mixHigh(tail.readBigUInt64LE(8));
    low ^= BigInt(this.#length);
    high ^= BigInt(this.#length);
    low = BigInt.asUintN(64, low + high);
    high = BigInt.asUintN(64, high + low);
    low = finish64(low);
    high = finish64(high);
    low = BigInt.asUintN(64, low + high);
    high = BigInt.asUintN(64, high + low);
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(low, 0);
    bytes.writeBigUInt64LE(high, 8);
    return bytes;
  }
}

function finish64(k: bigint): bigint {
  const once = mul64(k ^ (k >> 33n), 0xff51afd7ed558ccdn);
  const twice = mul64(once ^ (once >> 33n), 0xc4ceb9fe1a85ec53n);
  return twice ^ (twice >> 33n);
}
