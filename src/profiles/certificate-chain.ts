import { X509Certificate } from 'node:crypto';
import { patternProblem } from '../schema/pattern-cost.ts';
import type { CertificateChain } from './device-profile.ts';

/** As a profile file says it. */
export interface CertificateChainSpec {
  /** PEM, or its base64 text alone. */
  readonly certificate: string;
  readonly commonName: string;
  readonly allowCreate: boolean;
}

type Resolved =
  | { readonly ok: true; readonly chain: CertificateChain }
  | { readonly ok: false; readonly problem: string };

/** The chain strategy of a profile; the problem is a sentence for who edits the file. */
export function resolveCertificateChain({ certificate, commonName, allowCreate }: CertificateChainSpec): Resolved {
  const der = certificate.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(Buffer.from(der, 'base64'));
  } catch {
    return { ok: false, problem: 'the certificate is not readable: give one certificate as PEM' };
  }
  if (!parsed.ca) return { ok: false, problem: 'the certificate is not that of an authority (CA:TRUE is missing)' };
  const problem = patternProblem(commonName);
  if (problem !== undefined) return { ok: false, problem };
  const groups = new RegExp(`${commonName}|`, 'u').exec('')?.length ?? 0;
  if (groups < 2) return { ok: false, problem: 'the pattern of the common name needs a group: the device name' };
  const chain = { certificate: parsed.raw.toString('base64'), name: new RegExp(commonName, 'u'), allowCreate };
  return { ok: true, chain };
}
