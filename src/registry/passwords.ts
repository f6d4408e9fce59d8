import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Secret } from '../model/secret.ts';

/** scrypt's cost: 2^15 blocks of 1 KiB, three times over (32 MiB, about 0.2 s of one core). */
const COST = { logN: 15, r: 8, p: 3 };
const MAX_MEMORY = 64 * 1024 * 1024;
const KEY_BYTES = 32;
/** One at a time: the threads it runs on also carry the commits of the store. */
const MAX_WAITING = 64;

/** Hashing of passwords, a bounded number of them at a time. */
export interface Passwords {
  /** `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, both base64url. Throws RATE_LIMITED when too many wait. */
  hash(password: Secret): Promise<string>;
  /** In one time whether the hash is there or not. Throws RATE_LIMITED when too many wait. */
  matches(password: Secret, stored: string | undefined): Promise<boolean>;
}

export function createPasswords(cost: { readonly logN: number; readonly r: number; readonly p: number } = COST) {
  let waiting = 0;
  let tail: Promise<unknown> = Promise.resolve();
  const derive = (password: string, salt: Buffer, { logN, r, p }: typeof cost): Promise<Buffer> => {
    if (waiting >= MAX_WAITING) {
      return Promise.reject(new BrokerError('RATE_LIMITED', { detail: 'too many logins at once: try again' }));
    }
    waiting++;
    const work = () =>
      new Promise<Buffer>((resolve, reject) => {
        scrypt(password, salt, KEY_BYTES, { N: 2 ** logN, r, p, maxmem: MAX_MEMORY }, (error, key) => {
          waiting--;
          if (error) reject(error);
          else resolve(key);
        });
      });
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
  return {
    async hash(password) {
      const salt = randomBytes(16);
      const key = await derive(password.reveal(), salt, cost);
      const { logN, r, p } = cost;
      return `scrypt$${logN}$${r}$${p}$${salt.toString('base64url')}$${key.toString('base64url')}`;
    },
    async matches(password, stored) {
      const [, logN, r, p, salt = '', key = ''] = (stored ?? '').split('$');
      const found = key !== '';
      const wanted = found ? Buffer.from(key, 'base64url') : Buffer.alloc(KEY_BYTES);
      const used = found ? { logN: Number(logN), r: Number(r), p: Number(p) } : cost;
      const given = await derive(password.reveal(), Buffer.from(salt, 'base64url'), used);
      return timingSafeEqual(given, wanted) && found;
    },
  } satisfies Passwords;
}
