import { BrokerError } from '../errors.ts';
import type { Credentials } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { DeviceCertificates } from '../registry/certificates.ts';
import { credentialsProblem } from '../registry/credentials.ts';
import { type ProvisionRequest, requestedCredentials } from './request.ts';
import type { ProvisionTarget } from './targets.ts';

/** What of certificates provisioning needs. */
export type CertificateHands = Pick<DeviceCertificates, 'sign' | 'keep'>;

export type Wanted =
  | {
      readonly kind: 'wanted';
      /** Absent: to be made. */
      readonly credentials?: Credentials;
      /** To be called once the device has the credentials, and before it hears of them. */
      keep(device: DeviceId): Promise<void>;
    }
  | { readonly kind: 'wrong'; readonly reason: 'credentials-incomplete' | 'credentials-malformed' };

const NOTHING_TO_KEEP = async (): Promise<void> => {};

/** The credentials that a request asks for: sent along, or a certificate that is signed now for its CSR. */
export function wantedCredentials(
  request: ProvisionRequest,
  { profile, x509 }: ProvisionTarget,
  name: string,
  certificates: CertificateHands,
): Wanted {
  if (request.csr === '') {
    const asked = requestedCredentials(request);
    if ('problem' in asked) return { kind: 'wrong', reason: 'credentials-incomplete' };
    const { credentials } = asked;
    if (!credentials) return { kind: 'wanted', keep: NOTHING_TO_KEEP };
    if (credentialsProblem(credentials)) return { kind: 'wrong', reason: 'credentials-malformed' };
    return { kind: 'wanted', credentials, keep: NOTHING_TO_KEEP };
  }
  if (!x509) return { kind: 'wrong', reason: 'credentials-incomplete' };
  try {
    const { pem, certificate } = certificates.sign({ ...x509, csr: request.csr, commonName: name });
    const der = pem.replaceAll(/-----[A-Z ]+-----|\s/g, '');
    return {
      kind: 'wanted',
      credentials: { type: 'X509_CERTIFICATE', certificate: der },
      keep: (device) => certificates.keep(device, certificate, `provision:${profile}`),
    };
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'BAD_REQUEST')
      return { kind: 'wrong', reason: 'credentials-malformed' };
    throw error;
  }
}
