import { createHash } from 'node:crypto';

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** `encryption` of an EnOS token request (registration-protocols 1.3, step A). */
export function tokenSignature(what: { appKey: string; timestamp: string; appSecret: string }): Buffer {
  return sha256(what.appKey + what.timestamp + what.appSecret);
}

export interface ApiCall {
  readonly accessToken: string;
  /** Names and values of the query, decoded, in any order. */
  readonly query: readonly (readonly [string, string])[];
  /** Exactly as it came. */
  readonly body: string;
  readonly timestamp: string;
  readonly appSecret: string;
}

/** `apim-signature` of an EnOS API call (registration-protocols 1.3, step B). */
export function apiSignature({ accessToken, query, body, timestamp, appSecret }: ApiCall): Buffer {
  const sorted = [...query].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const parameters = sorted.map(([name, value]) => name + value).join('');
  return sha256(accessToken + parameters + body + timestamp + appSecret);
}
