import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import {
  addDevice,
  codeOf,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  type Names,
  startDialects,
} from './kit.ts';
import { ACCOUNT, type Answer, addAccount, call, ORG, request, sha256, tokenOf } from './service-accounts.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/x509');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const KEY = read('device-ec-key.pem');

/** A CONNECT over mutual TLS. */
async function open(broker: Broker, names: Names, cert: string, key = KEY): Promise<MqttClient> {
  const socket = connect({ port: broker.ports.mqtts ?? 0, host: '127.0.0.1', rejectUnauthorized: false, cert, key });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const client = new MqttClient(socket, 4);
  client.sendConnect(names);
  return client;
}

describe('certificates', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let token: string;
  let names: Names;
  const certificates = (action: string, body: object = {}, deviceKey: string = ENOS.deviceKey): Promise<Answer> =>
    call(broker, ACCOUNT, token, {
      path: '/connect-service/v2.0/certificates',
      query: { action, orgId: ORG, productKey: ENOS.productKey, deviceKey },
      body: JSON.stringify(body),
    });
  const apply = (more: object = {}) => certificates('apply', { csr: read('device-ec.csr'), ...more });
  const certOf = ({ data }: Answer): string => String(data.cert);
  const codeWith = async (cert: string, key?: string): Promise<number> => {
    await using client = await open(broker, names, cert, key);
    return await client.connack();
  };

  beforeAll(async () => {
    const secrets = [{ secret: { env: 'ENOS_SECRET' }, state: 'current' }];
    dialects = await startDialects(
      [
        enosProfile('rod', {
          product: { key: ENOS.productKey, secrets, orgId: ORG },
          provision: { strategy: 'check-pre-provisioned-devices', dynamic: true, serviceAccounts: ['rod-app', 'weak'] },
          x509: { certificate: read('ca-cert.pem'), key: { env: 'CA_KEY' }, days: 90 },
        }),
      ],
      { env: { CA_KEY: read('ca-key.pem') } },
    );
    broker = dialects.broker;
    await addAccount(broker, 'rod-app', { ...ACCOUNT, operations: ['create', 'certificates'] });
    token = await tokenOf(broker, ACCOUNT);
    await addDevice(broker, 'rod', ENOS.deviceKey, ENOS.deviceSecret);
    names = enosNames({ deviceKey: ENOS.deviceKey, secret: ENOS.deviceSecret });
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  it('case 40: with the certificate that was applied for, the device is let in; a revoked one ends its session', async () => {
    const applied = await apply();
    expect(applied.body).toMatchObject({ code: 0, data: { caCert: read('ca-cert.pem'), status: 'VALID' } });
    await using client = await open(broker, names, certOf(applied));
    expect(await client.connack()).toBe(0);
    const { certSn } = applied.data;
    expect((await certificates('revoke', { certSn })).code).toBe(0);
    await client.ended();
    expect(await codeWith(certOf(applied))).toBe(5);
    expect((await certificates('revoke', { certSn })).code).toBe(11404);
  });

  it('the password is checked besides, and the signature alone is not enough', async () => {
    const cert = certOf(await apply());
    expect(await codeWith(cert)).toBe(0);
    const wrong = enosNames({ deviceKey: ENOS.deviceKey, secret: 'dS-another' });
    await using client = await open(broker, wrong, cert);
    expect(await client.connack()).toBe(4);
    expect(await codeOf(broker, names)).toBe(5);
    expect(await codeOf(broker, names, { tls: false })).toBe(5);
  });

  it('the certificate alone, without a signature, lets nobody in', async () => {
    const nameless = { clientId: 'any', userName: '', password: '' };
    await using client = await open(broker, nameless, certOf(await apply()));
    expect(await client.connack()).toBe(5);
  });

  it('over HTTP, where no certificate is shown, the device is not let in', async () => {
    const { productKey, deviceKey, deviceSecret } = ENOS;
    const content = `deviceKey${deviceKey}lifetime300000productKey${productKey}signMethodsha256`;
    const body = JSON.stringify({ signMethod: 'sha256', lifetime: 300_000, sign: sha256(content + deviceSecret) });
    const tried = await request(broker, `/auth/${productKey}/${deviceKey}`, { body });
    expect(tried.code).not.toBe(200);
    expect(tried.data).not.toHaveProperty('sessionId');
  });

  it('a certificate of another device, or of nobody here, is refused', async () => {
    await addDevice(broker, 'rod', 'rod-two', 'dS-two-0123456789');
    const other = await certificates('apply', { csr: read('device-ec.csr') }, 'rod-two');
    expect(await codeWith(certOf(other))).toBe(5);
    expect(await codeWith(read('ca-cert.pem'), read('ca-key.pem'))).toBe(5);
  });

  it('a renewed certificate works beside the one before it, whose end touches no session of the other', async () => {
    const before = await apply();
    const renewed = await certificates('renew', { csr: read('device-ec.csr'), validDay: 30 });
    expect(await codeWith(certOf(before))).toBe(0);
    await using client = await open(broker, names, certOf(renewed));
    expect(await client.connack()).toBe(0);
    expect((await certificates('revoke', { certSn: before.data.certSn })).code).toBe(0);
    const listed = (await certificates('list')).body.data as { certSn: string; status: string }[];
    const states = new Map(listed.map(({ certSn, status }) => [certSn, status]));
    expect(states.get(String(before.data.certSn))).toBe('REVOKED');
    expect(states.get(String(renewed.data.certSn))).toBe('VALID');
    await client.alive();
  });

  it.each([
    ['no request', {}],
    ['a key that is too short', { csr: read('device-weak.csr') }],
    ['more days than the profile gives', { csr: read('device-ec.csr'), validDay: 91 }],
    ['a number of another type', { csr: read('device-ec.csr'), validDay: '30' }],
  ])('an application with %s is 99400', async (_what, body) => {
    expect((await certificates('apply', body)).code).toBe(99400);
  });

  it('an account needs the operation', async () => {
    const keys = await addAccount(broker, 'weak', { operations: ['create', 'get'] });
    const query = { action: 'apply', orgId: ORG, productKey: ENOS.productKey, deviceKey: ENOS.deviceKey };
    const path = '/connect-service/v2.0/certificates';
    const tried = await call(broker, keys, await tokenOf(broker, keys), { path, query, body: '{}' });
    expect(tried).toMatchObject({ status: 403, code: 403 });
  });

  it('case 50: no log line holds the key of the authority, or a secret of an account or a device', () => {
    const lines = [...broker.stdout, ...broker.stderr].join('\n');
    const secrets = [read('ca-key.pem').split('\n')[1] ?? '', ENOS.deviceSecret, ACCOUNT.accessSecret, token];
    for (const secret of secrets) expect(lines).not.toContain(secret);
  });
});
