import { randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';

/** What a device without a clock signs instead of the time (registration-protocols 1.12). */
export interface Challenge {
  readonly nonce: string;
  /** ms since 1970. */
  readonly serverTime: number;
  /** Seconds. */
  readonly ttl: number;
}

/** Challenges are made without a trace: every instance knows its own kind by the hash in it. */
export interface Challenges {
  make(): Challenge;
  /** When the challenge ends or ended, ms since 1970; undefined for a nonce that is none. */
  endOf(nonce: string): number | undefined;
}

const TTL_SECONDS = 60;
const FORM = /^gmc-([0-9a-z]{1,11})-([0-9a-f]{24})-([0-9a-f]{32})$/;

export function createChallenges(hash: KeyedHash, clock: Clock): Challenges {
  const checkOf = (end: string, random: string): string => hash.hash('challenge', `${end}-${random}`).slice(0, 32);
  return {
    make() {
      const serverTime = clock.now();
      const end = (serverTime + TTL_SECONDS * 1_000).toString(36);
      const random = randomBytes(12).toString('hex');
      return { nonce: `gmc-${end}-${random}-${checkOf(end, random)}`, serverTime, ttl: TTL_SECONDS };
    },
    endOf(nonce) {
      const [, end, random, check] = FORM.exec(nonce) ?? [];
      if (end === undefined || random === undefined || check === undefined) return undefined;
      return sameHash(check, checkOf(end, random)) ? Number.parseInt(end, 36) : undefined;
    },
  };
}
