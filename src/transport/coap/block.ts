import { type CoapOption, readUint, uintOption } from './codec.ts';

/** The value of a Block1 or Block2 option (RFC 7959 2.2). */
export interface Block {
  readonly number: number;
  readonly more: boolean;
  /** Bytes of a block: 16 to 1024. */
  readonly size: number;
}

const MAX_NUMBER = 0xfffff;
const LARGEST_EXPONENT = 6;
export const LARGEST_BLOCK = 1024;

/** Undefined: the size is the reserved one. The value is at most three bytes long. */
export function readBlock(value: Buffer): Block | undefined {
  const word = readUint(value);
  const exponent = word & 7;
  if (exponent > LARGEST_EXPONENT) return undefined;
  return { number: word >>> 4, more: (word & 8) !== 0, size: 16 << exponent };
}

export function blockOption(option: number, { number, more, size }: Block): CoapOption {
  const exponent = Math.log2(size) - 4;
  return uintOption(option, ((number & MAX_NUMBER) << 4) | (more ? 8 : 0) | exponent);
}
