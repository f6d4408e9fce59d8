import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { SignatureHash, SigningDialect } from './dialect.ts';

const HASH_BYTES = { sha256: 32, sha1: 20, md5: 16 } as const satisfies Record<SignatureHash, number>;

/**
 * The hash that a `signmethod` names. EnOS announces `hmacsha256` and computes the plain hash all the same; without a
 * name it is SHA-1 there (registration-protocols 1.1), while Alibaba's clients always give one.
 */
export function signatureHash(dialect: SigningDialect, method: string | undefined): SignatureHash | undefined {
  const name = method?.toLowerCase().replace(/^hmac/, '');
  if (dialect === 'alibaba' && method !== undefined && !/^hmac/i.test(method)) return undefined;
  if (method === undefined) return dialect === 'enos' ? 'sha1' : 'sha256';
  return name === 'sha256' || name === 'sha1' || name === 'md5' ? name : undefined;
}

export interface SigningKey {
  readonly dialect: SigningDialect;
  readonly hash: SignatureHash;
  readonly secret: string;
}

/** EnOS: plain hash of content and secret. Alibaba: HMAC with the secret as its key. */
export function sign(content: string, { dialect, hash, secret }: SigningKey): Buffer {
  return dialect === 'enos'
    ? createHash(hash)
        .update(content + secret, 'utf8')
        .digest()
    : createHmac(hash, secret).update(content, 'utf8').digest();
}

/** Whether the hex text, in either case, is the signature. Takes the same time wherever they differ. */
export function isSignature(given: string, content: string, key: SigningKey): boolean {
  return sameBytes(hexBytes(given, HASH_BYTES[key.hash]), sign(content, key));
}

/** The bytes of a hex text of either case; undefined when it is not of that length. */
export function hexBytes(text: string, length: number): Buffer | undefined {
  return text.length === length * 2 && /^[0-9A-Fa-f]*$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** Constant-time; a text that was no hex is compared, too, with nothing it could be. */
export function sameBytes(given: Buffer | undefined, expected: Buffer): boolean {
  const equal = timingSafeEqual(given ?? Buffer.alloc(expected.length), expected);
  return given !== undefined && equal;
}

const ID_NAME = { enos: 'deviceKey', alibaba: 'deviceName' } as const satisfies Record<SigningDialect, string>;

export interface LoginContent {
  /** `C`, as it came. */
  readonly clientId: string;
  readonly device: string;
  readonly productKey: string;
  /** As it came; absent = not signed. */
  readonly timestamp: string | undefined;
}

/** What is signed at a login, of a device or of a sub-device. */
export function loginContent(
  dialect: SigningDialect,
  { clientId, device, productKey, timestamp }: LoginContent,
): string {
  const stamp = timestamp === undefined ? '' : `timestamp${timestamp}`;
  return `clientId${clientId}${ID_NAME[dialect]}${device}productKey${productKey}${stamp}`;
}

/** What is signed with the product's secret at Alibaba's dynamic registration, over HTTPS and MQTT. */
export function registrationContent(what: { device: string; productKey: string; random: string }): string {
  return `deviceName${what.device}productKey${what.productKey}random${what.random}`;
}

/** What is signed for a session of EnOS over HTTP (`POST /auth/{pk}/{dk}`). */
export function httpLoginContent(what: {
  device: string;
  productKey: string;
  lifetime: string;
  signMethod: string;
}): string {
  return `deviceKey${what.device}lifetime${what.lifetime}productKey${what.productKey}signMethod${what.signMethod}`;
}
