import { gunzipSync, gzipSync } from 'node:zlib';

/** How payloads of a connection are packed, as the braces in its client id say (registration-protocols 1.1). */
export interface Compression {
  readonly kind: 'none' | 'gzip' | 'unknown';
  pack(payload: string | Buffer): string | Buffer;
  /** Undefined: it is no such thing, or larger than `maxBytes`. What is not packed comes as it is. */
  unpack(payload: Buffer, maxBytes: number): Buffer | undefined;
}

const asItIs = (kind: 'none' | 'unknown'): Compression => ({
  kind,
  pack: (payload) => payload,
  unpack: (payload) => payload,
});
const NONE = asItIs('none');
const UNKNOWN = asItIs('unknown');

const GZIP: Compression = {
  kind: 'gzip',
  pack: (payload) => gzipSync(payload),
  unpack(payload, maxOutputLength) {
    if (payload[0] !== 0x1f || payload[1] !== 0x8b) return payload;
    try {
      return gunzipSync(payload, { maxOutputLength });
    } catch {
      return undefined; // its sender hears so
    }
  },
};

/** @param clientName `C` of the client id: `dK1{ip=10.0.0.5,version=2.2.19,compress=GZIP}`. */
export function compressionOf(clientName: string): Compression {
  const [, form] = /\{[^}]*\bcompress=([A-Za-z0-9]*)[^}]*\}$/.exec(clientName) ?? [];
  if (form === undefined || form === '') return NONE;
  return form.toUpperCase() === 'GZIP' ? GZIP : UNKNOWN;
}
