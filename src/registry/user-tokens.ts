import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';

/** What a token says; ThingsBoard's clients read `exp`, `iat`, `sub`, `scopes` and `userId` of it (seconds, as RFC 7519 has it). */
export interface TokenClaims {
  /** Name of the user. */
  readonly sub: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly sessionId: string;
  /** The user's password epoch that the token belongs to. */
  readonly epoch: number;
  readonly iss: string;
  readonly iat: number;
  readonly exp: number;
}

export type TokenVerdict =
  | { readonly kind: 'valid'; readonly claims: TokenClaims }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid' };

const HEADER = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');
const SHAPE = /^([\w-]+)\.([\w-]+)\.([\w-]{43})$/;
export const MAX_TOKEN = 4_096;

/** JSON Web Tokens (RFC 7519), HS256 only, signed with a key derived from the instance key. */
export function createUserTokens(hash: KeyedHash) {
  const signature = (text: string): string => hash.hash('user-token', text);
  return {
    sign(claims: TokenClaims): string {
      const text = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
      return `${text}.${Buffer.from(signature(text), 'hex').toString('base64url')}`;
    },
    /** Constant-time. The header must be our own, letter for letter: no other algorithm is ever looked at. */
    verify(token: string, nowMs: number): TokenVerdict {
      const parts = token.length > MAX_TOKEN ? null : SHAPE.exec(token);
      const [, header = '', body = '', given = ''] = parts ?? [];
      if (header !== HEADER) return { kind: 'invalid' };
      const right = sameHash(signature(`${header}.${body}`), Buffer.from(given, 'base64url').toString('hex'));
      if (!right) return { kind: 'invalid' };
      // Signed by us, so of our own shape.
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as TokenClaims;
      return nowMs < claims.exp * 1_000 ? { kind: 'valid', claims } : { kind: 'expired' };
    },
  };
}

export type UserTokens = ReturnType<typeof createUserTokens>;

/** Whether a text has the form of a token, so that API keys are not taken for one. */
export const looksLikeToken = (text: string): boolean => text.startsWith(`${HEADER}.`);
