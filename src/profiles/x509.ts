import { createPrivateKey, X509Certificate } from 'node:crypto';
import { resolveSecretRef, type SecretRefOptions } from '../schema/secret-ref.ts';
import type { Report } from './profile-draft.ts';
import type { X509Draft, X509Profile } from './x509-schema.ts';

/** Undefined after reported errors. */
export function resolveX509(draft: X509Draft, options: SecretRefOptions, report: Report): X509Profile | undefined {
  const error = (field: keyof X509Draft, rule: string, problem: string): undefined =>
    report({ at: `/x509/${field}`, rule, level: 'error', problem }) as undefined;
  const certificate = read(() => new X509Certificate(draft.certificate));
  if (!certificate) return error('certificate', 'wrong-certificate', 'is no certificate in PEM');
  if (!certificate.ca)
    return error('certificate', 'wrong-certificate', 'is not that of an authority (CA:TRUE is missing)');
  const resolved = resolveSecretRef(draft.key, options);
  if (resolved.kind !== 'known') {
    const problem =
      resolved.kind === 'unset'
        ? `the environment variable ${resolved.variable} (or ${resolved.variable}_FILE) is not set`
        : resolved.problem;
    return error('key', 'missing-secret', problem);
  }
  const key = read(() => createPrivateKey(resolved.secret.reveal()));
  if (!key) return error('key', 'wrong-key', 'is no private key in PEM without a passphrase');
  if (!['rsa', 'ec', 'ed25519'].includes(key.asymmetricKeyType ?? '')) {
    return error('key', 'wrong-key', 'must be RSA, EC or Ed25519');
  }
  if (!certificate.checkPrivateKey(key)) return error('key', 'wrong-key', 'is not that of the certificate');
  return { issuer: { certificate, key }, days: draft.days };
}

function read<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined; // the caller says what is wrong; the library's words may quote the key
  }
}
