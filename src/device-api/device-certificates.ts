import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { isJsonObject, parseJson } from '../model/json.ts';
import type { Log } from '../observe/index.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type { DeviceCertificate, DeviceCertificates } from '../registry/certificates.ts';
import type { UplinkResult } from './uplink.ts';

export interface IssuedCertificate extends DeviceCertificate {
  /** PEM. */
  readonly certificate: string;
  /** Of the authority, PEM. */
  readonly caCertificate: string;
}

/** Certificates of devices whose profile has `x509`: for requests (CSR) of their own, or of an operator. */
export interface CertificateDesk {
  /** Throws BAD_REQUEST for a bad request or a profile without `x509`, RATE_LIMITED when the device has too many. */
  issue(
    device: Device,
    csr: string,
    options: { readonly days?: number; readonly by: string },
  ): Promise<IssuedCertificate>;
  list(id: DeviceId): Promise<readonly DeviceCertificate[]>;
  /** Ends the live session that has shown it, wherever it is. False when it has none of that serial number that works. */
  revoke(id: DeviceId, serial: string, by: string): Promise<boolean>;
  /** The request of a device, `{"csr", "days"?}`; the text answers it, also when it is refused. */
  request(device: Device, payload: Uint8Array): Promise<CertificateAnswer>;
}

export type CertificateAnswer =
  | { readonly kind: 'answer'; readonly text: string }
  | Exclude<UplinkResult, { readonly kind: 'stored' }>;

export interface CertificateDeskParts {
  readonly certificates: DeviceCertificates;
  readonly profiles: () => ProfileSet;
  readonly credentialsChanged: (id: DeviceId) => Promise<void>;
  readonly takeMessage: (device: Device) => boolean;
  readonly json: { readonly maxDepth: number; readonly maxKeys: number };
  readonly log: Log;
}

export function createCertificateDesk(parts: CertificateDeskParts): CertificateDesk {
  const { certificates, profiles, log } = parts;

  const issue: CertificateDesk['issue'] = async ({ id, name, profile }, csr, { days, by }) => {
    const x509 = profiles().byName(profile)?.x509;
    if (!x509) {
      const detail = `the profile "${profile}" signs no certificates: give it x509`;
      throw new BrokerError('BAD_REQUEST', { field: 'x509', detail });
    }
    if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= x509.days)) {
      throw new BrokerError('BAD_REQUEST', { field: 'days', detail: `days must be a whole number, 1 to ${x509.days}` });
    }
    const { issuer } = x509;
    const asked = { device: id, csr, commonName: name, days: days ?? x509.days, issuer, by };
    const { pem, certificate } = await certificates.apply(asked);
    return { ...certificate, certificate: pem, caCertificate: issuer.certificate.toString() };
  };

  return {
    issue,
    list: (id) => certificates.list(id),

    async revoke(id, serial, by) {
      const revoked = await certificates.revoke(id, serial.toUpperCase(), by);
      if (revoked) await parts.credentialsChanged(id);
      return revoked;
    },

    async request(device, payload) {
      const json = parseJson(payload, parts.json);
      if (!json.ok) return { kind: 'invalid', problem: json.error.problem };
      if (!isJsonObject(json.value)) return { kind: 'invalid', problem: 'the request must be a JSON object' };
      const { csr, days = null } = json.value;
      if (typeof csr !== 'string') return { kind: 'invalid', problem: 'csr must be text: the request in PEM' };
      if (days !== null && typeof days !== 'number') return { kind: 'invalid', problem: 'days must be a whole number' };
      if (!parts.takeMessage(device)) return { kind: 'rate-limited' };
      const by = `device:${device.id}`;
      try {
        const { certificate, caCertificate, serial, notAfter } = await issue(device, csr, {
          by,
          ...(days === null ? {} : { days }),
        });
        return answer({ status: 'SUCCESS', certificate, caCertificate, serial, notAfter });
      } catch (error) {
        const { code, detail } = BrokerError.from(error);
        if (code === 'BAD_REQUEST' || code === 'RATE_LIMITED') return answer({ status: 'FAILURE', errorMsg: detail });
        log.error({ event: 'certificate.failed', device: device.id, err: error }, 'no certificate could be signed');
        return { kind: 'failed' };
      }
    },
  };
}

const answer = (body: Readonly<Record<string, string | number>>): CertificateAnswer => ({
  kind: 'answer',
  text: JSON.stringify(body),
});
