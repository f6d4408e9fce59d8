import { randomBytes } from 'node:crypto';
import { ENOS_API_CODES } from '../dialects/wire/codes.ts';
import { type ApiCall, apiSignature, tokenSignature } from '../dialects/wire/service-account.ts';
import { hexBytes, sameBytes } from '../dialects/wire/signature.ts';
import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { ServiceAccount } from '../registry/service-account-record.ts';
import type { ServiceAccounts } from '../registry/service-accounts.ts';
import type { DocumentChange, DocumentStore } from '../storage/document-store.ts';
import type { Once } from './once.ts';

export interface TokenRequest {
  readonly appKey: string;
  readonly timestamp: string;
  readonly encryption: string;
}

export type TokenCode = (typeof ENOS_API_CODES)['replayedToken' | 'unknownKey' | 'wrongEncryption'];

export type IssuedToken =
  | { readonly kind: 'token'; readonly accessToken: string; readonly expireSeconds: number }
  | { readonly kind: 'refused'; readonly code: TokenCode };

export type CheckedCall =
  | { readonly kind: 'account'; readonly account: ServiceAccount }
  /** No such token, or no more. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'wrong-signature' };

export interface SignedCall extends Omit<ApiCall, 'appSecret'> {
  /** Hex. */
  readonly signature: string;
}

/** Tokens of service accounts, and the calls made with them (registration-protocols 1.3, steps A and B). */
export interface ServiceTokens {
  /** While a token lives, it is given again, with the seconds it has left. */
  issue(request: TokenRequest): Promise<IssuedToken>;
  check(call: SignedCall): Promise<CheckedCall>;
}

export interface ServiceTokenParts {
  readonly accounts: ServiceAccounts;
  readonly documents: DocumentStore;
  readonly once: Once;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

const LIFE_MS = 7_200_000;
/** How long a request is known again whose time is not looked at. */
const REPLAY_MS = 7 * 86_400_000;
/** Keyed hash of a token -> its access key. */
const TOKEN = 'service-token';
/** Access key -> its present token, sealed. */
const PRESENT = 'service-account-token';
const NO_SECRET = '?'.repeat(200);

export function createServiceTokens(parts: ServiceTokenParts): ServiceTokens {
  const { accounts, documents, once, hash, clock } = parts;
  const keyOf = (token: string): string => hash.hash('service-token', token);

  /** The living token, or a new one. */
  const present = async (accessKey: string): Promise<IssuedToken> => {
    for (;;) {
      const now = clock.now();
      const held = await documents.get(PRESENT, accessKey, now);
      const living = held && hash.open(held.text);
      if (living !== undefined && held?.expiresAt !== undefined) {
        return { kind: 'token', accessToken: living, expireSeconds: Math.ceil((held.expiresAt - now) / 1_000) };
      }
      const accessToken = randomBytes(32).toString('hex');
      const expiresAt = now + LIFE_MS;
      const changes: DocumentChange[] = [
        { kind: TOKEN, key: keyOf(accessToken), text: accessKey, expiresAt },
        { kind: PRESENT, key: accessKey, text: hash.seal(accessToken), expiresAt, expected: held?.version ?? 0 },
      ];
      // Another instance may have been faster: then its token is the one.
      if (await documents.write(changes, now)) return { kind: 'token', accessToken, expireSeconds: LIFE_MS / 1_000 };
    }
  };

  return {
    async issue({ appKey, timestamp, encryption }) {
      const found = await accounts.byKey(appKey);
      const appSecret = found?.accessSecret.reveal() ?? NO_SECRET;
      const right = sameBytes(hexBytes(encryption, 32), tokenSignature({ appKey, timestamp, appSecret }));
      if (!found) return { kind: 'refused', code: ENOS_API_CODES.unknownKey };
      const { skewMs } = found.account;
      const now = clock.now();
      const inTime = skewMs === undefined || Math.abs(now - Number(timestamp)) <= skewMs;
      if (!right || !inTime) return { kind: 'refused', code: ENOS_API_CODES.wrongEncryption };
      const until = now + (skewMs === undefined ? REPLAY_MS : 2 * skewMs);
      const first = await once.take(`service-token ${appKey} ${encryption.toLowerCase()}`, until);
      return first ? present(appKey) : { kind: 'refused', code: ENOS_API_CODES.replayedToken };
    },

    async check({ signature, ...call }) {
      const token = await documents.get(TOKEN, keyOf(call.accessToken), clock.now());
      const found = token && (await accounts.byKey(token.text));
      const appSecret = found?.accessSecret.reveal() ?? NO_SECRET;
      const right = sameBytes(hexBytes(signature, 32), apiSignature({ ...call, appSecret }));
      if (!found) return { kind: 'expired' };
      return right ? { kind: 'account', account: found.account } : { kind: 'wrong-signature' };
    },
  };
}
