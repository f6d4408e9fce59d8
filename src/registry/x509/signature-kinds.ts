import type { KeyObject } from 'node:crypto';
import { der, oid, sequence, TAG } from './der.ts';

/** Ways to sign, by the object id in hex. `hash` null: the key has one of its own. */
export const SIGNATURE_KINDS: ReadonlyMap<string, { readonly key: string; readonly hash: string | null }> = new Map([
  ['2a8648ce3d040302', { key: 'ec', hash: 'sha256' }],
  ['2a8648ce3d040303', { key: 'ec', hash: 'sha384' }],
  ['2a8648ce3d040304', { key: 'ec', hash: 'sha512' }],
  ['2a864886f70d01010b', { key: 'rsa', hash: 'sha256' }],
  ['2a864886f70d01010c', { key: 'rsa', hash: 'sha384' }],
  ['2a864886f70d01010d', { key: 'rsa', hash: 'sha512' }],
  ['2b6570', { key: 'ed25519', hash: null }],
]);

export interface SigningKind {
  /** AlgorithmIdentifier. */
  readonly der: Buffer;
  readonly hash: string | null;
}

/** How a key signs certificates; undefined for keys that do not. */
export function signingKind(key: KeyObject): SigningKind | undefined {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return { der: sequence(oid('2a8648ce3d040302')), hash: 'sha256' };
    case 'rsa':
      return { der: sequence(oid('2a864886f70d01010b'), der(TAG.none)), hash: 'sha256' };
    case 'ed25519':
      return { der: sequence(oid('2b6570')), hash: null };
    default:
      return undefined;
  }
}

const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

/** What is wrong with the key of a device, in words. */
export function keyProblem({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') {
    return modulusLength >= 2048 && modulusLength <= 8192 ? undefined : 'the RSA key must have 2048 to 8192 bits';
  }
  if (asymmetricKeyType === 'ec')
    return CURVES.includes(namedCurve) ? undefined : 'the curve must be P-256, P-384 or P-521';
  return asymmetricKeyType === 'ed25519' ? undefined : 'the key must be RSA, EC or Ed25519';
}
