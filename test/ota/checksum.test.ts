import { describe, expect, it } from 'vitest';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../../src/model/ota.ts';
import { createChecksum } from '../../src/ota/checksum.ts';

const TEXT = Buffer.from('The quick brown fox jumps over the lazy dog');
/** Published values of the text; CRC32 and MURMUR3 in little-endian byte order. */
const KNOWN = {
  MD5: '9e107d9d372bb6826bd81d3542a419d6',
  SHA256: 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
  SHA384: 'ca737f1014a48f4c0b6dd43cb177b0afd9e5169367544c494011e3317dbf9a509cb1e5dc1e85a941bbee3d7f2afbc9b1',
  SHA512:
    '07e547d9586f6a73f73fbac0435ed76951218fb7d0c8d788a309d785436bbb642e93a252a954f23912547d1e8a3b5ed6e1bfd7097821233fa0538f3db854fee6',
  CRC32: '39a34f41',
  MURMUR3_32: '23f74f2e',
  MURMUR3_128: '6c1b07bc7bbc4be347939ac4a93c437a',
} as const satisfies Record<ChecksumAlgorithm, string>;

function checksum(algorithm: ChecksumAlgorithm, bytes: Buffer, piece: number): string {
  const growing = createChecksum(algorithm);
  for (let at = 0; at < bytes.length; at += piece) growing.update(bytes.subarray(at, at + piece));
  return growing.hex();
}

describe('checksum', () => {
  it.each(CHECKSUM_ALGORITHMS)('%s has its published value, whole or in pieces of any length', (algorithm) => {
    for (const piece of [1, 3, 4, 7, 16, 17, 43]) expect(checksum(algorithm, TEXT, piece)).toBe(KNOWN[algorithm]);
  });

  it('leading zeros stay: the text has a fixed length', () => {
    const lengths = Object.fromEntries(
      CHECKSUM_ALGORITHMS.map((algorithm) => [algorithm, checksum(algorithm, Buffer.alloc(0), 1).length]),
    );
    expect(lengths).toEqual({
      MD5: 32,
      SHA256: 64,
      SHA384: 96,
      SHA512: 128,
      CRC32: 8,
      MURMUR3_32: 8,
      MURMUR3_128: 32,
    });
  });
});
