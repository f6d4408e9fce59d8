import { X509Certificate } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { DocumentStore } from '../storage/document-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { parseCsr } from './x509/csr.ts';
import { type Issuer, issueCertificate } from './x509/issue.ts';

/** A certificate that was signed here. Times in ms since 1970. */
export interface DeviceCertificate {
  /** Upper hex. */
  readonly serial: string;
  readonly fingerprint: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly revokedAt?: number;
}

export interface CertificateRequest {
  readonly device: DeviceId;
  /** PEM. */
  readonly csr: string;
  readonly commonName: string;
  readonly days: number;
  readonly issuer: Issuer;
  readonly by: string;
}

/** What a request gave. */
export interface SignedCertificate {
  readonly pem: string;
  readonly certificate: DeviceCertificate;
}

/** What became of a certificate that a device shows. `unknown`: none that was signed here for it, or one that has ended. */
export type ShownCertificate =
  | { readonly kind: 'valid'; readonly serial: string }
  | { readonly kind: 'revoked' | 'unknown' };

/** Certificates of devices: signed from their own requests, so that private keys stay with them (registration-protocols 1.4). */
export interface DeviceCertificates {
  /** Throws BAD_REQUEST for a bad request, RATE_LIMITED when the device has too many. */
  apply(request: CertificateRequest): Promise<SignedCertificate>;
  /** Signs for a device that is not there yet; nobody gets in by it before `keep`. Throws BAD_REQUEST. */
  sign(request: Omit<CertificateRequest, 'device' | 'by'>): SignedCertificate;
  /** Throws RATE_LIMITED when the device has too many. */
  keep(device: DeviceId, certificate: DeviceCertificate, by: string): Promise<void>;
  /** Those that have not ended, by serial number. */
  list(device: DeviceId): Promise<readonly DeviceCertificate[]>;
  /** False when it has none of that serial number that works. */
  revoke(device: DeviceId, serial: string, by: string): Promise<boolean>;
  revokeAll(device: DeviceId, by: string): Promise<void>;
  /** The device is gone, and every record of its certificates goes with it. */
  forget(device: DeviceId): Promise<void>;
  /** What a peer showed, and whose key it has proved to hold. @param der base64. */
  check(device: DeviceId, der: string): Promise<ShownCertificate>;
  /** When it ends, ms; `gone`: it works no more. */
  endOf(device: DeviceId, serial: string): Promise<number | 'gone'>;
}

export interface CertificateParts {
  readonly documents: DocumentStore;
  readonly audit: AuditStore;
  readonly clock: Clock;
}

const KIND = 'certificate';
const DAY_MS = 86_400_000;
/** Clocks of devices may be behind. */
const BACKDATE_MS = 300_000;
const MAX_LIVING = 20;
const UNKNOWN: ShownCertificate = { kind: 'unknown' };
const SERIAL = /^[0-9A-F]{1,64}$/;

const keyOf = (device: DeviceId, serial: string): string => `${device}/${serial}`;

export function createDeviceCertificates({ documents, audit, clock }: CertificateParts): DeviceCertificates {
  const note = (action: string, by: string, device: DeviceId, serial: string) =>
    audit.append({
      at: clock.now(),
      action,
      by,
      subject: `device:${device}`,
      outcome: action.slice('certificate.'.length),
      facts: { serial },
    });

  const kept = async (device: DeviceId, serial: string): Promise<DeviceCertificate | undefined> => {
    const stored = SERIAL.test(serial) ? await documents.get(KIND, keyOf(device, serial), clock.now()) : undefined;
    return stored && (JSON.parse(stored.text) as DeviceCertificate);
  };

  const list = async (device: DeviceId): Promise<readonly DeviceCertificate[]> => {
    const stored = await documents.list(KIND, { prefix: `${device}/`, limit: MAX_LIVING * 2, now: clock.now() });
    return stored.map(({ text }) => JSON.parse(text) as DeviceCertificate);
  };

  const mayHaveOneMore = async (device: DeviceId): Promise<void> => {
    if ((await list(device)).length < MAX_LIVING) return;
    throw new BrokerError('RATE_LIMITED', { detail: `the device has ${MAX_LIVING} certificates that have not ended` });
  };

  const sign: DeviceCertificates['sign'] = ({ csr, commonName, days, issuer }) => {
    const parsed = parseCsr(csr);
    if (!parsed.ok) throw new BrokerError('BAD_REQUEST', { field: 'csr', detail: `csr ${parsed.problem}` });
    const now = clock.now();
    // No longer than the issuer's own.
    const end = Math.min(now + days * DAY_MS, Date.parse(issuer.certificate.validTo));
    const [notBefore, notAfter] = [wholeSeconds(now - BACKDATE_MS), wholeSeconds(end)];
    const { publicKey } = parsed;
    const signed = new X509Certificate(issueCertificate(issuer, { publicKey, commonName, notBefore, notAfter }));
    const { serialNumber: serial, fingerprint256: fingerprint } = signed;
    return { pem: signed.toString(), certificate: { serial, fingerprint, notBefore, notAfter } };
  };

  const keep: DeviceCertificates['keep'] = async (device, certificate, by) => {
    await mayHaveOneMore(device);
    const { serial, notAfter: expiresAt } = certificate;
    const text = JSON.stringify(certificate);
    await documents.write([{ kind: KIND, key: keyOf(device, serial), text, expiresAt, expected: 0 }], clock.now());
    await note('certificate.issued', by, device, serial);
  };

  const revoke: DeviceCertificates['revoke'] = async (device, serial, by) => {
    if (!SERIAL.test(serial)) return false;
    for (;;) {
      const now = clock.now();
      const stored = await documents.get(KIND, keyOf(device, serial), now);
      const certificate = stored && (JSON.parse(stored.text) as DeviceCertificate);
      if (!certificate || certificate.revokedAt !== undefined) return false;
      const text = JSON.stringify({ ...certificate, revokedAt: now });
      const change = { kind: KIND, key: stored.key, text, expected: stored.version, expiresAt: certificate.notAfter };
      if (!(await documents.write([change], now))) continue;
      await note('certificate.revoked', by, device, serial);
      return true;
    }
  };

  return {
    list,
    sign,
    keep,
    revoke,

    async apply({ device, by, ...request }) {
      const signed = sign(request);
      await keep(device, signed.certificate, by);
      return signed;
    },

    async revokeAll(device, by) {
      for (const { serial } of await list(device)) await revoke(device, serial, by);
    },

    async forget(device) {
      const gone = (await list(device)).map(({ serial }) => ({ kind: KIND, key: keyOf(device, serial) }));
      if (gone.length > 0) await documents.write(gone, clock.now());
    },

    async check(device, der) {
      const shown = certificateOf(der);
      const known = shown && (await kept(device, shown.serialNumber));
      if (!known || known.fingerprint !== shown.fingerprint256 || clock.now() < known.notBefore) return UNKNOWN;
      return known.revokedAt === undefined ? { kind: 'valid', serial: known.serial } : { kind: 'revoked' };
    },

    async endOf(device, serial) {
      const known = await kept(device, serial);
      return known && known.revokedAt === undefined ? known.notAfter : 'gone';
    },
  };
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1_000) * 1_000;

/** The common name in a certificate: a hint at whose it may be, until it is checked. @param der base64. */
export function commonNameOf(der: string): string | undefined {
  const name: unknown = certificateOf(der)?.toLegacyObject().subject.CN;
  return typeof name === 'string' ? name : undefined;
}

function certificateOf(der: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(der, 'base64'));
  } catch {
    return undefined; // nothing that was signed here
  }
}
