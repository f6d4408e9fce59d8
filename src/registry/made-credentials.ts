import { BrokerError } from '../errors.ts';
import type { Credentials } from '../model/device.ts';
import { credentialsProblem, randomAlphanumerics } from './credentials.ts';
import { completed, type SigningProduct } from './signed-secrets.ts';

/**
 * The credentials of a device of that profile and name: those given, completed, or made. A device of a product gets a secret
 * to sign with, any other an access token. Throws CREDENTIALS_INVALID.
 */
export type MakeCredentials = (given: Credentials | undefined, profile: string, name: string) => Credentials;

export function createCredentialsMaker(product: (profile: string) => SigningProduct | undefined): MakeCredentials {
  const invalid = (detail: string): BrokerError =>
    new BrokerError('CREDENTIALS_INVALID', { field: 'credentials', detail });
  return (given, profile, name) => {
    const signs = product(profile);
    if (given?.type === 'SIGNED_SECRET' && !signs) throw invalid('the profile names no product whose devices sign');
    if (!signs || (given && given.type !== 'SIGNED_SECRET')) {
      const credentials = given ?? ({ type: 'ACCESS_TOKEN', token: randomAlphanumerics(20) } as const);
      const wrong = credentialsProblem(credentials);
      if (wrong) throw invalid(wrong);
      return credentials;
    }
    const result = completed(given, signs, name);
    if ('problem' in result) throw invalid(result.problem);
    const wrong = credentialsProblem(result.credentials);
    if (wrong) throw invalid(wrong);
    return result.credentials;
  };
}
