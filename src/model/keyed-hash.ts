import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** What a hash is for. Equal texts in different domains have unrelated hashes. */
export type HashDomain =
  | 'credentials-name'
  | 'credentials-hash'
  | 'credentials-parts'
  | 'signed-secret'
  | 'password'
  | 'provision-key'
  | 'provision-secret'
  | 'supplier-key'
  | 'supply-point'
  | 'api-key'
  | 'user-token'
  | 'service-token'
  | 'claim-secret'
  | 'challenge'
  | 'key-check';

/** Keyed hashing and sealing with the instance key. The key itself is not readable from it. */
export interface KeyedHash {
  /** HMAC-SHA-256 of the text in its domain, 64 hex digits. */
  hash(domain: HashDomain, text: string): string;
  /** AES-256-GCM, base64url of nonce + tag + text. For secrets that must be given back in clear once. */
  seal(text: string): string;
  /** The text of a sealed value; undefined when it was sealed with another key or changed. */
  open(sealed: string): string | undefined;
}

/** @param instanceKey at least 32 bytes of key material. */
export function createKeyedHash(instanceKey: Uint8Array): KeyedHash {
  const derive = (info: string): Buffer => Buffer.from(hkdfSync('sha256', instanceKey, 'gridmoor', info, 32));
  const sealKey = derive('seal');
  const hashKeys = new Map<HashDomain, Buffer>();
  const keyOf = (domain: HashDomain): Buffer => {
    let key = hashKeys.get(domain);
    if (!key) {
      key = derive(`hash:${domain}`);
      hashKeys.set(domain, key);
    }
    return key;
  };
  return {
    hash: (domain, text) => createHmac('sha256', keyOf(domain)).update(text, 'utf8').digest('hex'),
    seal(text) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', sealKey, nonce);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < 28) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, 12));
        decipher.setAuthTag(bytes.subarray(12, 28));
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      } catch {
        return undefined; // another key or a changed text: the caller decides what that means
      }
    },
  };
}

/** Constant-time comparison of two hex hashes; false for different lengths. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a, 'hex');
  const right = Buffer.from(b, 'hex');
  return left.length === right.length && left.length > 0 && timingSafeEqual(left, right);
}

/** ThingsBoard's credentials id of MQTT_BASIC parts: SHA3-256 hex (thingsboard-device-api 1.2). */
export function sha3Hex(text: string): string {
  return createHash('sha3-256').update(text, 'utf8').digest('hex');
}
