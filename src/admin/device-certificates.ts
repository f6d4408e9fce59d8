import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import { integer, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { list, NO_CONTENT, object } from './wire.ts';

const tag = 'devices';
const URL = '/api/gridmoor/devices/:id/certificates';
const string = { type: 'string' } as const;
const ms = { type: 'integer', description: 'ms since 1970' } as const;
const id = text('Id or name of the device.');
const CERTIFICATE = { serial: string, fingerprint: string, notBefore: ms, notAfter: ms };

/** Certificates that were signed here for devices of profiles with `x509`. */
export function deviceCertificateRoutes(deps: AdminDeps): readonly Route[] {
  const { certificates } = deps.deviceApi;
  const found = async (ref: string): Promise<Device> => {
    const device = await findDevice(ref, deps);
    if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
    return device;
  };
  return [
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Certificates of a device that were signed here and have not ended.',
      role: 'read-only',
      params: { id },
      answer: object({ data: list(object({ ...CERTIFICATE, 'revokedAt?': ms })) }),
      handle: async ({ params }) => ({ data: [...(await certificates.list((await found(params.id)).id))] }),
    }),
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Signs a certificate for a request (CSR) of the device; those before it work on.',
      role: 'administrator',
      params: { id },
      body: {
        csr: text('The request, PEM.', { minLength: 1 }),
        days: optional(
          integer('How long it works; absent: as long as the profile says.', { minimum: 1, maximum: 3650 }),
        ),
      },
      answer: object({ ...CERTIFICATE, certificate: string, caCertificate: string }),
      async handle({ params, body: { csr, days }, by }) {
        const device = await found(params.id);
        return certificates.issue(device, csr, { by, ...(days === undefined ? {} : { days }) });
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:serial`,
      tag,
      summary: 'Revokes a certificate: it is refused from now on, and the session that has shown it ends.',
      role: 'operator',
      params: { id, serial: text('Its serial number, hex.') },
      status: 204,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        const device = await found(params.id);
        if (await certificates.revoke(device.id, params.serial, by)) return;
        throw new BrokerError('NOT_FOUND', {
          field: 'serial',
          detail: 'the device has no such certificate that works',
        });
      },
    }),
  ];
}
