import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { BrokerError } from '../../src/errors.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { createDeviceCertificates } from '../../src/registry/certificates.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/x509');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const issuer = { certificate: new X509Certificate(read('ca-cert.pem')), key: createPrivateKey(read('ca-key.pem')) };
const device = '11111111-1111-4111-8111-111111111111' as DeviceId;
const DAY_MS = 86_400_000;

function make({ storage, clock }: Rooms) {
  const certificates = createDeviceCertificates({ documents: storage.documents, audit: storage.audit, clock });
  const apply = (csr: string, days = 30) =>
    certificates.apply({ device, csr, commonName: 'dK987654', days, issuer, by: 'test' });
  return { certificates, apply };
}
const derOf = (pem: string): string => new X509Certificate(pem).raw.toString('base64');

it.each(['ec', 'rsa', 'ed25519'])(
  'a request of an %s key is signed: for a client, by the authority, under the name of the device',
  async (kind) => {
    await using rooms = await openRooms();
    const { apply } = make(rooms);
    const { pem, certificate } = await apply(read(`device-${kind}.csr`));
    const signed = new X509Certificate(pem);
    expect(signed.verify(issuer.certificate.publicKey)).toBe(true);
    expect(signed.checkIssued(issuer.certificate)).toBe(true);
    expect(signed.subject).toBe('CN=dK987654');
    expect(signed.ca).toBe(false);
    expect(signed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(signed.serialNumber).toBe(certificate.serial);
    expect(Date.parse(signed.validTo)).toBe(rooms.clock.now() + 30 * DAY_MS);
    if (kind === 'ec') expect(signed.checkPrivateKey(createPrivateKey(read('device-ec-key.pem')))).toBe(true);
  },
);

it('a certificate is good for its device until it is revoked or ends', async () => {
  await using rooms = await openRooms();
  const { certificates, apply } = make(rooms);
  const { pem, certificate } = await apply(read('device-ec.csr'));
  const { serial } = certificate;
  expect(await certificates.check(device, derOf(pem))).toEqual({ kind: 'valid', serial });
  const other = '22222222-2222-4222-8222-222222222222' as DeviceId;
  expect(await certificates.check(other, derOf(pem))).toEqual({ kind: 'unknown' });
  expect(await certificates.check(device, derOf(read('ca-cert.pem')))).toEqual({ kind: 'unknown' });
  expect(await certificates.check(device, 'AAAA')).toEqual({ kind: 'unknown' });
  expect(await certificates.endOf(device, serial)).toBe(certificate.notAfter);
  expect(await certificates.revoke(device, serial, 'test')).toBe(true);
  expect(await certificates.revoke(device, serial, 'test')).toBe(false);
  expect(await certificates.check(device, derOf(pem))).toEqual({ kind: 'revoked' });
  expect(await certificates.endOf(device, serial)).toBe('gone');
  const second = await apply(read('device-ec.csr'));
  rooms.clock.set(rooms.clock.now() + 30 * DAY_MS);
  expect(await certificates.check(device, derOf(second.pem))).toEqual({ kind: 'unknown' });
  expect(await certificates.list(device)).toEqual([]);
});

it('a device has twenty certificates at most', async () => {
  await using rooms = await openRooms();
  const { apply } = make(rooms);
  for (let count = 0; count < 20; count++) await apply(read('device-ec.csr'));
  await expect(apply(read('device-ec.csr'))).rejects.toMatchObject({ code: 'RATE_LIMITED' });
});

const csr = read('device-ec.csr');
const bytes = Buffer.from(csr.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
const armoured = (body: Buffer): string =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${body.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;

it.each([
  ['nothing', ''],
  ['a certificate', read('ca-cert.pem')],
  ['a key that is too short', read('device-weak.csr')],
  ['no base64', '-----BEGIN CERTIFICATE REQUEST-----\n????\n-----END CERTIFICATE REQUEST-----'],
  ['something behind it', armoured(Buffer.concat([bytes, Buffer.from([5, 0])]))],
  ['a length beyond its end', armoured(Buffer.from([0x30, 0x83, 0xff, 0xff, 0xff]))],
  ['an endless length', armoured(Buffer.from([0x30, 0x80, 0, 0]))],
  ['far too much', `-----BEGIN CERTIFICATE REQUEST-----\n${'A'.repeat(20_000)}\n-----END CERTIFICATE REQUEST-----`],
])('a request of %s is refused', async (_what, text) => {
  await using rooms = await openRooms();
  await expect(make(rooms).apply(text)).rejects.toMatchObject({ code: 'BAD_REQUEST', facts: { field: 'csr' } });
});

it('a request with any byte changed, or cut anywhere, is refused', async () => {
  await using rooms = await openRooms();
  const { apply } = make(rooms);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    for (const text of [armoured(changed), armoured(bytes.subarray(0, at))]) {
      const refused = await apply(text).then(
        () => 'signed',
        (error: BrokerError) => error.code,
      );
      expect([at, refused]).toEqual([at, 'BAD_REQUEST']);
    }
  }
});
