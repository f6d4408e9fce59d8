import { X509Certificate } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { CertificateChain, DeviceProfile, ProfileSet } from '../profiles/index.ts';
import { nameProblem, type Registry } from '../registry/registry.ts';

/** Certificates as base64 DER. */
export interface ShownChain {
  readonly leaf: string;
  /** The issuers that the peer sent along, nearest first; not checked yet. */
  readonly issuers: readonly string[];
}

export interface ChainProvisioningParts {
  readonly registry: Registry;
  readonly profiles: () => ProfileSet;
  readonly clock: Clock;
}

export type ChainProvisioned =
  | { readonly kind: 'created'; readonly device: Device }
  | { readonly kind: 'renewed' }
  /** `problem` is for the log: the device hears nothing of it. */
  | { readonly kind: 'refused'; readonly problem: string };

const MAX_ISSUERS = 8;
const NOBODYS = 'no device has it, and no profile the authority that signed it';

/**
 * X509_CERTIFICATE_CHAIN (thingsboard-device-api 2.6): a certificate under the one of a profile makes its device, or takes the
 * place of the device's former certificate. Not refused: the leaf is now the credentials of a device.
 */
export async function provisionByChain(shown: ShownChain, parts: ChainProvisioningParts): Promise<ChainProvisioned> {
  const { registry, clock } = parts;
  const candidates = parts.profiles().all().filter(hasChain);
  if (candidates.length === 0) return refused(NOBODYS);
  const leaf = certificateOf(shown.leaf);
  const issuers = shown.issuers.slice(0, MAX_ISSUERS).map(certificateOf);
  const under = candidates.find(({ certificateChain: { certificate } }) =>
    isUnder(leaf, issuers, certificateOf(certificate), clock.now()),
  );
  if (!under) return refused(NOBODYS);
  const { certificateChain, name: profile, provision } = under;
  const commonName: unknown = leaf.toLegacyObject().subject.CN;
  const name = typeof commonName === 'string' ? certificateChain.name.exec(commonName)?.[1]?.trim() : undefined;
  if (name === undefined) return refused(`its common name does not fit profile "${profile}"`);
  const wrong = nameProblem(name);
  if (wrong) return refused(`its common name gives no name for a device: ${wrong}`);
  const by = `provision:${profile}`;
  const credentials = { type: 'X509_CERTIFICATE', certificate: shown.leaf } as const;
  const device = await registry.deviceByName(name);
  if (!device) {
    if (!certificateChain.allowCreate)
      return refused(`there is no device "${name}", and profile "${profile}" makes none`);
    const { quota } = provision;
    const serverAttributes = { provisionState: 'provisioned' };
    const made = await registry.create({
      ...{ name, profile, credentials, serverAttributes, by },
      ...(quota === undefined ? {} : { profileQuota: quota }),
    });
    return made.kind === 'created' ? { kind: 'created', device: made.device } : refused(`no device made: ${made.kind}`);
  }
  if (device.profile !== profile) return refused(`device "${name}" is of another profile`);
  const { present } = await registry.credentialsState(device.id);
  // Ended credentials were revoked: a fresh certificate of the same issuer must not undo that.
  if (present?.type !== 'X509_CERTIFICATE' || present.expiresAt !== undefined) {
    return refused(`device "${name}" has no certificate that works: it was revoked, or logs in another way`);
  }
  try {
    await registry.rotate(device.id, credentials, by);
    return { kind: 'renewed' };
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'CREDENTIALS_TAKEN') return refused('another device has it');
    throw error;
  }
}

const refused = (problem: string) => ({ kind: 'refused', problem }) as const;

const hasChain = (profile: DeviceProfile): profile is DeviceProfile & { readonly certificateChain: CertificateChain } =>
  profile.certificateChain !== undefined;

const certificateOf = (der: string): X509Certificate => new X509Certificate(Buffer.from(der, 'base64'));

/** Every signature from the leaf up to the anchor is checked here: the handshake lets any chain pass. */
function isUnder(
  leaf: X509Certificate,
  issuers: readonly X509Certificate[],
  anchor: X509Certificate,
  now: number,
): boolean {
  let current = leaf;
  for (const issuer of issuers) {
    if (isIssuedBy(current, anchor, now)) return true;
    if (!isIssuedBy(current, issuer, now)) return false;
    current = issuer;
  }
  return isIssuedBy(current, anchor, now);
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate, now: number): boolean =>
  issuer.ca &&
  now >= Date.parse(issuer.validFrom) &&
  now <= Date.parse(issuer.validTo) &&
  certificate.checkIssued(issuer) &&
  certificate.verify(issuer.publicKey);
