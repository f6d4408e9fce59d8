import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Secret } from '../model/secret.ts';
import { FairQueue } from './fair-queue.ts';

/** scrypt's cost: 2^15 blocks of 1 KiB, three times over (32 MiB, about 0.2 s of one core). */
const COST = { logN: 15, r: 8, p: 3 };
const MAX_MEMORY = 64 * 1024 * 1024;
const KEY_BYTES = 32;
/** One at a time: the threads it runs on also carry the commits of the store. */
const WAITING = { max: 64, maxPerPeer: 8 };
/** Who sets passwords is logged in: one peer, apart from all addresses. */
const ADMINISTRATORS = 'administrators';

/** Hashing of passwords, a bounded number of them waiting, of one address and in all, addresses in turn. */
export interface Passwords {
  /** `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, both base64url. Throws RATE_LIMITED when too many wait. */
  hash(password: Secret): Promise<string>;
  /** In one time whether the hash is there or not. @param from address of who logs in. Throws RATE_LIMITED when too many wait. */
  matches(password: Secret, stored: string | undefined, from: string): Promise<boolean>;
}

export function createPasswords(cost: { readonly logN: number; readonly r: number; readonly p: number } = COST) {
  const queue = new FairQueue(WAITING);
  const refusal = () => new BrokerError('RATE_LIMITED', { detail: 'too many logins at once: try again' });
  const derive = (password: string, salt: Buffer, { logN, r, p }: typeof cost, from: string): Promise<Buffer> => {
    const work = () =>
      new Promise<Buffer>((resolve, reject) => {
        scrypt(password, salt, KEY_BYTES, { N: 2 ** logN, r, p, maxmem: MAX_MEMORY }, (error, key) => {
          if (error) reject(error);
          else resolve(key);
        });
      });
    return queue.run(from, work, refusal);
  };
  return {
    async hash(password) {
      const salt = randomBytes(16);
      const key = await derive(password.reveal(), salt, cost, ADMINISTRATORS);
      const { logN, r, p } = cost;
      return `scrypt$${logN}$${r}$${p}$${salt.toString('base64url')}$${key.toString('base64url')}`;
    },
    async matches(password, stored, from) {
      const [, logN, r, p, salt = '', key = ''] = (stored ?? '').split('$');
      const found = key !== '';
      const wanted = found ? Buffer.from(key, 'base64url') : Buffer.alloc(KEY_BYTES);
      const used = found ? { logN: Number(logN), r: Number(r), p: Number(p) } : cost;
      const given = await derive(password.reveal(), Buffer.from(salt, 'base64url'), used, from);
      return timingSafeEqual(given, wanted) && found;
    },
  } satisfies Passwords;
}
