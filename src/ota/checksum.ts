import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ChecksumAlgorithm } from '../model/ota.ts';
import { Murmur3x32, Murmur3x128 } from './murmur3.ts';

/** A checksum that grows piece by piece. */
export interface Checksum {
  update(piece: Uint8Array): void;
  /** Lower-case hex; call once, at the end. */
  hex(): string;
}

/** ThingsBoard's algorithms (thingsboard-device-api 3.12.2); its texts of CRC32 and MURMUR3 are little-endian. */
export function createChecksum(algorithm: ChecksumAlgorithm): Checksum {
  switch (algorithm) {
    case 'MD5':
    case 'SHA256':
    case 'SHA384':
    case 'SHA512': {
      const hash = createHash(algorithm.toLowerCase());
      return {
        update: (piece) => {
          hash.update(piece);
        },
        hex: () => hash.digest('hex'),
      };
    }
    case 'CRC32': {
      let value = 0;
      return {
        update: (piece) => {
          value = crc32(piece, value);
        },
        hex() {
          const bytes = Buffer.alloc(4);
          bytes.writeUInt32LE(value);
          return bytes.toString('hex');
        },
      };
    }
    case 'MURMUR3_32':
    case 'MURMUR3_128': {
      const hash = algorithm === 'MURMUR3_32' ? new Murmur3x32() : new Murmur3x128();
      return { update: (piece) => hash.update(piece), hex: () => hash.digest().toString('hex') };
    }
  }
}
