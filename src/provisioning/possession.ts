import { createHmac, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { hexBytes, sameBytes } from '../dialects/wire/signature.ts';
import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';

/** Kinds of keys by which a device shows later that it is the one that came first. */
export const POSSESSION_KEYS = ['ed25519', 'p256', 'hmac-sha256'] as const;
type KeyType = (typeof POSSESSION_KEYS)[number];

/** A device's own key as it names it at its first contact. */
export interface PossessionKey {
  readonly type: KeyType;
  /** DER of a public key (SPKI), or a key of 32 to 128 bytes that both sides share. */
  readonly bytes: Buffer;
}

/** Server attribute of a device that has one; it comes and goes with the device. */
export const POSSESSION_ATTRIBUTE = 'possessionKey';
const SHARED_BYTES = { min: 32, max: 128 };
const MAX_SIGN_BYTES = 128;
const BASE64 = /^[A-Za-z0-9+/_-]{1,1024}={0,2}$/;

/** The key in a request; undefined when it is none. */
export function readPossessionKey(value: JsonValue): PossessionKey | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof ExactNumber) {
    return undefined;
  }
  const { type: named, key } = value;
  const type = POSSESSION_KEYS.find((one) => one === named);
  if (type === undefined || typeof key !== 'string' || !BASE64.test(key)) return undefined;
  const bytes = Buffer.from(key, 'base64');
  if (type !== 'hmac-sha256') return publicKey(type, bytes) && { type, bytes };
  return bytes.length >= SHARED_BYTES.min && bytes.length <= SHARED_BYTES.max ? { type, bytes } : undefined;
}

/** As it is kept: a key that signs is sealed with the instance key. */
export function keptPossessionKey({ type, bytes }: PossessionKey, hash: KeyedHash): JsonObject {
  const text = bytes.toString('base64');
  return type === 'hmac-sha256' ? { type, sealed: hash.seal(text) } : { type, key: text };
}

/** Whether the holder of the key that is kept signed it. @param sign hex, of either case. */
export function isPossessionProved(
  kept: JsonValue | undefined,
  { content, sign }: { readonly content: string; readonly sign: string },
  hash: KeyedHash,
): boolean {
  if (typeof kept !== 'object' || kept === null || Array.isArray(kept) || kept instanceof ExactNumber) return false;
  const { type, sealed } = kept;
  const key = readPossessionKey(
    type === 'hmac-sha256' && typeof sealed === 'string' ? { type, key: hash.open(sealed) ?? '' } : kept,
  );
  const given = sign.length <= MAX_SIGN_BYTES * 2 ? hexBytes(sign, sign.length / 2) : undefined;
  if (!key || !given) return false;
  if (key.type === 'hmac-sha256') {
    return sameBytes(
      given.length === 32 ? given : undefined,
      createHmac('sha256', key.bytes).update(content, 'utf8').digest(),
    );
  }
  const verifier = publicKey(key.type, key.bytes);
  const algorithm = key.type === 'p256' ? 'sha256' : null;
  return verifier !== undefined && verify(algorithm, Buffer.from(content, 'utf8'), verifier, given);
}

function publicKey(type: Exclude<KeyType, 'hmac-sha256'>, der: Buffer): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (type === 'ed25519') return key.asymmetricKeyType === 'ed25519' ? key : undefined;
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined; // no public key: the caller refuses it
  }
}
