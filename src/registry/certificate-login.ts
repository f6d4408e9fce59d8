import type { Clock } from '../model/clock.ts';
import { type Device, isBarred, type StoredCredentials } from '../model/device.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import { commonNameOf, type DeviceCertificates } from './certificates.ts';
import { credentialsIndex, toStored } from './credentials.ts';
import type { LoginMatch } from './login-match.ts';
import { withCertificate } from './signed-logins.ts';

export interface CertificateLoginParts {
  readonly store: RegistryStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  /** Those that were signed here; absent = none was. */
  readonly certificates?: Pick<DeviceCertificates, 'check'>;
  /** Devices of such profiles sign, too: a certificate alone does not let them in. */
  readonly signs: (profile: string) => boolean;
  readonly entered: (device: Device, found: StoredCredentials) => Promise<LoginMatch>;
}

const UNKNOWN: LoginMatch = { kind: 'unknown' };

/** Logins by a certificate alone: the credentials of the device, or one that was signed for it here and is not revoked. */
export function createCertificateLogin(parts: CertificateLoginParts): (certificate: string) => Promise<LoginMatch> {
  const { store, audit, hash, clock, certificates, signs, entered } = parts;

  /** The first login by a certificate ends the token that the device had before. */
  const takePlace = async (device: Device, certificate: string): Promise<StoredCredentials | undefined> => {
    const present = await store.credentialsOf(device.id);
    if (!present || present.type === 'X509_CERTIFICATE') return present;
    const now = clock.now();
    const next = toStored(device.id, { type: 'X509_CERTIFICATE', certificate }, hash, { now, keepSealed: false });
    if ((await store.replaceCredentials(next)) !== 'replaced') return undefined;
    const subject = `device:${device.id}`;
    await audit.append({ at: now, action: 'device.rotate', by: subject, subject, outcome: 'rotated' });
    return next;
  };

  const bySignedHere = async (certificate: string): Promise<LoginMatch> => {
    const name = certificates && commonNameOf(certificate);
    const device = name === undefined ? undefined : await store.deviceByName(name);
    if (!device || signs(device.profile)) return UNKNOWN;
    const checked = await certificates?.check(device.id, certificate);
    if (checked?.kind !== 'valid') return UNKNOWN;
    if (isBarred(device)) return { kind: 'disabled', device };
    const credentials = await takePlace(device, certificate);
    if (!credentials) return UNKNOWN;
    const match = await entered(device, credentials);
    return match.kind === 'device' ? { ...match, credentials: withCertificate(' ', checked.serial) } : match;
  };

  return async (certificate) => {
    const found = await store.credentials(credentialsIndex({ type: 'X509_CERTIFICATE', certificate }, hash));
    if (found?.type !== 'X509_CERTIFICATE') return bySignedHere(certificate);
    if (found.expiresAt !== undefined && clock.now() >= found.expiresAt) return { kind: 'expired' };
    const device = await store.device(found.deviceId);
    if (!device) return UNKNOWN;
    const checked = await certificates?.check(device.id, certificate);
    if (checked?.kind === 'revoked') return { kind: 'expired' };
    const match = await entered(device, found);
    if (match.kind !== 'device' || checked?.kind !== 'valid') return match;
    return { ...match, credentials: withCertificate(`${match.credentials} `, checked.serial) };
  };
}
