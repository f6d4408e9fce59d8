import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { DeviceCertificate, DeviceCertificates } from '../registry/certificates.ts';
import {
  mustText,
  refused,
  type ServiceCall,
  type ServiceOperations,
  type ServiceResult,
  wholeOf,
} from './service-call.ts';
import type { ServiceGrants } from './service-grants.ts';

export interface ServiceCertificateParts {
  readonly grants: ServiceGrants;
  readonly certificates: DeviceCertificates;
  /** Sessions that have shown it must end. */
  readonly onRevoked: (id: DeviceId) => Promise<void>;
}

const NO_CERTIFICATES = refused('invalidArguments', 'the product has no certificates: give its profile x509');

/** Certificates of devices over EnOS' REST API (registration-protocols 1.4): apply, renew, revoke, list. */
export function serviceCertificateOperations(parts: ServiceCertificateParts): ServiceOperations {
  const { grants, certificates, onRevoked } = parts;

  const apply = async (call: ServiceCall): Promise<ServiceResult> => {
    const found = await grants.device(call, 'certificates');
    if (found.kind === 'refused') return found;
    const { x509 } = found.profile;
    if (!x509) return NO_CERTIFICATES;
    const days = wholeOf(call.body, 'validDay', { min: 1, max: x509.days, fallback: x509.days });
    const { pem, certificate } = await certificates.apply({
      device: found.device.id,
      csr: mustText(call.body, 'csr', 16_384),
      commonName: found.signing.deviceKey,
      days,
      issuer: x509.issuer,
      by: `service-account:${call.account.name}`,
    });
    const caCert = x509.issuer.certificate.toString();
    return { kind: 'done', data: { cert: pem, caCert, certChain: pem + caCert, ...formatCertificate(certificate) } };
  };

  const revoke = async (call: ServiceCall): Promise<ServiceResult> => {
    const found = await grants.device(call, 'certificates');
    if (found.kind === 'refused') return found;
    const serial = mustText(call.body, 'certSn', 64).toUpperCase();
    const by = `service-account:${call.account.name}`;
    const revoked = await certificates.revoke(found.device.id, serial, by);
    if (!revoked) return refused('notFound', 'the device has no such certificate');
    await onRevoked(found.device.id);
    return { kind: 'done', data: null };
  };

  return {
    apply,
    /** Another certificate; the one before works until it ends or is revoked, so that the device can change over. */
    renew: apply,
    revoke,

    async list(call) {
      const found = await grants.device(call, 'certificates');
      if (found.kind === 'refused') return found;
      const all = await certificates.list(found.device.id);
      return { kind: 'done', data: all.map(formatCertificate) };
    },
  };
}

const formatCertificate = ({ serial, notBefore, notAfter, revokedAt }: DeviceCertificate): JsonObject => ({
  certSn: serial,
  validStart: notBefore,
  validEnd: notAfter,
  status: revokedAt === undefined ? 'VALID' : 'REVOKED',
});
