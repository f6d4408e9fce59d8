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

/** Certificates of devices: signed from their own requests, so that private keys stay with them (registration-protocols 1.4). */
export interface DeviceCertificates {
  /** Throws BAD_REQUEST for a bad request, RATE_LIMITED when the device has too many. */
  apply(request: CertificateRequest): Promise<{ readonly pem: string; readonly certificate: DeviceCertificate }>;
  /** Those that have not ended, by serial number. */
  list(device: DeviceId): Promise<readonly DeviceCertificate[]>;
  /** False when it has none of that serial number that works. */
  revoke(device: DeviceId, serial: string, by: string): Promise<boolean>;
  /** The serial number of what a peer showed, when it is one of the device's, in its time and not revoked. @param der base64. */
  serialOf(device: DeviceId, der: string): Promise<string | undefined>;
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

  const living = async (device: DeviceId, serial: string): Promise<DeviceCertificate | undefined> => {
    const stored = SERIAL.test(serial) ? await documents.get(KIND, keyOf(device, serial), clock.now()) : undefined;
    const known = stored && (JSON.parse(stored.text) as DeviceCertificate);
    return known?.revokedAt === undefined ? known : undefined;
  };

  const list = async (device: DeviceId): Promise<readonly DeviceCertificate[]> => {
    const stored = await documents.list(KIND, { prefix: `${device}/`, limit: MAX_LIVING * 2, now: clock.now() });
    return stored.map(({ text }) => JSON.parse(text) as DeviceCertificate);
  };

  return {
    list,

    async apply({ device, csr, commonName, days, issuer, by }) {
      const parsed = parseCsr(csr);
      if (!parsed.ok) throw new BrokerError('BAD_REQUEST', { field: 'csr', detail: `csr ${parsed.problem}` });
      if ((await list(device)).length >= MAX_LIVING) {
        throw new BrokerError('RATE_LIMITED', {
          detail: `the device has ${MAX_LIVING} certificates that have not ended`,
        });
      }
      const now = clock.now();
      // No longer than the issuer's own.
      const end = Math.min(now + days * DAY_MS, Date.parse(issuer.certificate.validTo));
      const [notBefore, notAfter] = [wholeSeconds(now - BACKDATE_MS), wholeSeconds(end)];
      const { publicKey } = parsed;
      const signed = new X509Certificate(issueCertificate(issuer, { publicKey, commonName, notBefore, notAfter }));
      const { serialNumber: serial, fingerprint256: fingerprint } = signed;
      const certificate: DeviceCertificate = { serial, fingerprint, notBefore, notAfter };
      const text = JSON.stringify(certificate);
      await documents.write([{ kind: KIND, key: keyOf(device, serial), text, expiresAt: notAfter, expected: 0 }], now);
      await note('certificate.issued', by, device, serial);
      return { pem: signed.toString(), certificate };
    },

    async revoke(device, serial, by) {
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
    },

    async serialOf(device, der) {
      const shown = certificateOf(der);
      const known = shown && (await living(device, shown.serialNumber));
      if (!known || known.fingerprint !== shown.fingerprint256) return undefined;
      return clock.now() >= known.notBefore ? known.serial : undefined;
    },

    endOf: async (device, serial) => (await living(device, serial))?.notAfter ?? 'gone',
  };
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1_000) * 1_000;

function certificateOf(der: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(der, 'base64'));
  } catch {
    return undefined; // nothing that was signed here
  }
}
