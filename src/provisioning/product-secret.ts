import { isSignature, type SigningKey } from '../dialects/wire/signature.ts';
import type { ThingProfile } from '../profiles/index.ts';

/** No product has this secret, nor can it: it is longer than clients know. */
const NO_SECRET = '?'.repeat(80);
const SLOTS = 2;

export interface ProductSignature {
  /** Hex, of either case. */
  readonly signature: string;
  readonly content: string;
  readonly key: Omit<SigningKey, 'secret'>;
}

/** Whether it was signed with a secret of the product that is in force; an unknown product takes the same steps. */
export function isSignedByProduct(
  { signature, content, key }: ProductSignature,
  product: Pick<ThingProfile, 'secrets' | 'hashes'> | undefined,
  now: number,
): boolean {
  const secrets = (product?.secrets ?? []).filter(({ until }) => until === undefined || now < until);
  let right = false;
  for (let slot = 0; slot < SLOTS; slot++) {
    const secret = secrets[slot]?.secret.reveal();
    const matches = isSignature(signature, content, { ...key, secret: secret ?? NO_SECRET });
    right ||= matches && secret !== undefined;
  }
  return right && (product?.hashes.has(key.hash) ?? false);
}
