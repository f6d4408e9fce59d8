import type { KeyObject, X509Certificate } from 'node:crypto';
import { type Config, integer, json, text } from '../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../schema/secret-ref.ts';

export const x509Fields = {
  certificate: text('Certificate of the authority that signs for the devices, PEM in one text.', { minLength: 1 }),
  key: json<SecretRef>('Its private key, PEM.', secretRefSchema('unset, the profile is refused')),
  days: integer('How long a certificate works unless less is asked for.', { minimum: 1, maximum: 3650, default: 365 }),
};
export type X509Draft = Config<typeof x509Fields>;

/** The authority that signs certificates of the profile's devices. */
export interface X509Profile {
  readonly issuer: { readonly certificate: X509Certificate; readonly key: KeyObject };
  readonly days: number;
}
