import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../cli/run-cli.ts';
import type { Broker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import { type DialectBroker, startDialects } from './kit.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/x509');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const KEY = read('device-ec-key.pem');
const CSR = read('device-ec.csr');
const SECRET = 'a-provision-secret-0123456789';

const pemOf = (base64: unknown): string => {
  const lines = String(base64).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
};

describe('certificates of native profiles', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    const provision = { strategy: 'allow-create-new-devices', key: 'pk', secret: { env: 'SECRET' } };
    const x509 = { certificate: read('ca-cert.pem'), key: { env: 'CA_KEY' }, days: 90 };
    dialects = await startDialects(
      [
        { name: 'sealed', provision, x509 },
        {
          name: 'listed',
          provision: { ...provision, strategy: 'check-pre-provisioned-devices', key: 'pk-listed' },
          x509,
        },
        { name: 'plain', provision: { ...provision, key: 'pk-plain' } },
      ],
      { env: { CA_KEY: read('ca-key.pem'), SECRET } },
    );
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const provision = async (deviceName: string, more: object, key = 'pk'): Promise<Record<string, unknown>> => {
    const asked = { deviceName, provisionDeviceKey: key, provisionDeviceSecret: SECRET, ...more };
    const answer = await fetch(`${broker.url}/api/v1/provision`, { method: 'POST', body: JSON.stringify(asked) });
    return JSON.parse(await answer.text()) as Record<string, unknown>;
  };
  const withCsr = { credentialsType: 'X509_CERTIFICATE', csr: CSR };
  const open = async (cert: string, key = KEY): Promise<MqttClient> => {
    const socket = connect({ port: broker.ports.mqtts ?? 0, host: '127.0.0.1', rejectUnauthorized: false, cert, key });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    const client = new MqttClient(socket, 4);
    client.sendConnect({ userName: '', clientId: 'any' });
    return client;
  };
  const codeWith = async (cert: string, key?: string): Promise<number> => {
    await using client = await open(cert, key);
    return await client.connack();
  };
  const ask = async (client: MqttClient, body: object): Promise<Record<string, unknown>> => {
    await client.publish('v1/devices/me/certificate/request/7', JSON.stringify(body));
    const answer = await client.message();
    expect(answer).toMatch(/^v1\/devices\/me\/certificate\/response\/7 /);
    return JSON.parse(answer.slice(answer.indexOf(' ') + 1)) as Record<string, unknown>;
  };
  const cli = (...argv: string[]) =>
    runCli([...argv, '--url', broker.url], { env: { GRIDMOOR_ADMIN_KEY: broker.adminKey } });
  const serials = async (device: string): Promise<string[]> => {
    const { data } = await api<{ data: { serial: string; revokedAt?: number }[] }>(
      broker,
      `/api/gridmoor/devices/${device}/certificates`,
    );
    return data.filter(({ revokedAt }) => revokedAt === undefined).map(({ serial }) => serial);
  };

  it('a device that sends a CSR gets a certificate and no token, logs in by it, and publishes', async () => {
    const answer = await provision('rod-1', withCsr);
    expect(answer).toMatchObject({ status: 'SUCCESS', credentialsType: 'X509_CERTIFICATE' });
    await using client = await open(pemOf(answer.credentialsValue));
    expect(await client.connack()).toBe(0);
    await client.publish('v1/devices/me/telemetry', '{"power_w":1}');
    const audit = await api<{ data: { action: string }[] }>(broker, '/api/gridmoor/audit?pageSize=50');
    expect(audit.data.map(({ action }) => action)).toContain('certificate.issued');
  });

  it('over MQTT it renews: both certificates work, and the end of the old one leaves the new session alone', async () => {
    const first = pemOf((await provision('rod-2', withCsr)).credentialsValue);
    await using old = await open(first);
    expect(await old.connack()).toBe(0);
    const renewed = await ask(old, { csr: CSR, days: 30 });
    expect(renewed).toMatchObject({ status: 'SUCCESS', caCertificate: read('ca-cert.pem') });
    await using client = await open(String(renewed.certificate));
    expect(await client.connack()).toBe(0);
    await old.ended();
    const [other = ''] = (await serials('rod-2')).filter((serial) => serial !== renewed.serial);
    expect((await cli('certificate', 'revoke', 'rod-2', other)).code).toBe(0);
    expect(await codeWith(first)).toBe(5);
    await client.alive();
  });

  it('case 40: a revoked certificate ends its live session, and is refused from then on', async () => {
    const cert = pemOf((await provision('rod-3', withCsr)).credentialsValue);
    await using client = await open(cert);
    expect(await client.connack()).toBe(0);
    const [serial = ''] = await serials('rod-3');
    const revoked = await cli('certificate', 'revoke', 'rod-3', serial.toLowerCase());
    expect([revoked.code, revoked.stdout]).toEqual([0, `${serial.toLowerCase()} of rod-3 is revoked\n`]);
    await client.ended();
    expect(await codeWith(cert)).toBe(5);
    expect((await cli('certificate', 'revoke', 'rod-3', serial)).code).toBe(1);
    expect((await cli('certificate', 'list', 'rod-3')).stdout).toMatch(new RegExp(`${serial}\\s+revoked`));
  });

  it('a device with a token changes over: the token works until the first login by the certificate', async () => {
    const token = String((await provision('rod-4', {})).credentialsValue);
    const post = (path: string, body: string) =>
      fetch(`${broker.url}/api/v1/${token}/${path}`, { method: 'POST', body });
    const asked = await post('certificate', JSON.stringify({ csr: CSR }));
    const { certificate } = (await asked.json()) as { certificate: string };
    expect((await post('telemetry', '{"a":1}')).status).toBe(200);
    await using client = await open(certificate);
    expect(await client.connack()).toBe(0);
    expect((await post('telemetry', '{"a":2}')).status).toBe(401);
    await client.publish('v1/devices/me/telemetry', '{"a":3}');
  });

  it('a rotation by an administrator, or an end of all credentials, ends every certificate', async () => {
    const cert = pemOf((await provision('rod-5', withCsr)).credentialsValue);
    const second = await cli('certificate', 'issue', 'rod-5', join(FOLDER, 'device-rsa.csr'), '--days', '2', '--json');
    await using client = await open(cert);
    expect(await client.connack()).toBe(0);
    expect((await cli('device', 'rotate', 'rod-5')).code).toBe(0);
    await client.ended();
    expect(await serials('rod-5')).toEqual([]);
    expect(await codeWith(cert)).toBe(5);
    expect(JSON.parse(second.stdout)).toMatchObject({ caCertificate: read('ca-cert.pem') });
  });

  it('a device that an administrator made fetches its certificate once', async () => {
    await api(broker, '/api/gridmoor/devices', { method: 'POST', body: { name: 'rod-6', profile: 'listed' } });
    expect(await provision('rod-6', { ...withCsr, csr: read('device-weak.csr') }, 'pk-listed')).toMatchObject({
      status: 'FAILURE',
    });
    const answer = await provision('rod-6', withCsr, 'pk-listed');
    expect(await codeWith(pemOf(answer.credentialsValue))).toBe(0);
    expect(await provision('rod-6', withCsr, 'pk-listed')).toMatchObject({ status: 'FAILURE' });
  });

  it.each([
    ['a key that is too short', 'pk', { ...withCsr, csr: read('device-weak.csr') }],
    ['no request', 'pk', { ...withCsr, csr: 'hello' }],
    ['a profile without an authority', 'pk-plain', withCsr],
  ])('a CSR with %s is refused, and no device is left behind', async (_what, key, more) => {
    expect(await provision('rod-wrong', more, key)).toMatchObject({ status: 'FAILURE' });
    await expect(api(broker, '/api/tenant/devices?deviceName=rod-wrong')).rejects.toThrow(/404/);
  });

  it.each([
    ['a wrong form', { csr: 5 }, 'closed'],
    ['more days than the profile gives', { csr: CSR, days: 91 }, 'days must be a whole number, 1 to 90'],
    ['half a day', { csr: CSR, days: 0.5 }, 'days must be a whole number, 1 to 90'],
    ['a certificate in place of a CSR', { csr: read('ca-cert.pem') }, 'csr is no certificate signing request in PEM'],
  ])('a request over MQTT with %s is answered with what is wrong', async (what, body, problem) => {
    const { credentialsValue } = await provision(`asks-${what.length}`, {});
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: String(credentialsValue) });
    if (problem === 'closed') {
      client.publish('v1/devices/me/certificate/request/1', JSON.stringify(body)).catch(() => undefined);
      await client.ended();
    } else expect(await ask(client, body)).toEqual({ status: 'FAILURE', errorMsg: problem });
  });

  it('a certificate that was not signed here lets nobody in', async () => {
    await provision('rod-7', withCsr);
    expect(await codeWith(read('ca-cert.pem'), read('ca-key.pem'))).toBe(5);
  });
});
