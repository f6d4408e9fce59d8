import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Needle, scanFiles, scanLines } from '../../chaos/secret-scan.ts';
import type { Broker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { startRedis } from '../../helpers/redis.ts';
import { api } from '../../helpers/system.ts';
import { signedNow, TBP1_SECRET } from '../../helpers/tbp1.ts';
import {
  ALIBABA,
  addDevice,
  alibabaNames,
  alibabaProfile,
  answerTo,
  codeOf,
  ENOS,
  enosNames,
  enosProfile,
  issued,
  openThing,
  postForm,
  registrationNames,
  registrationSign,
  startDialects,
} from './kit.ts';
import { ACCOUNT, addAccount, call, DEVICES, ORG, request, tokenOf } from './service-accounts.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/x509');
const read = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8');
const GROUP_SECRET = 'group-password-0123456789';
const OPEN = 'c3OpenPk';
const CUPS = 'ES0021000012345678LB';
const current = (env: string) => [{ secret: { env }, state: 'current' }];
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const PROFILES = [
  enosProfile('rod', {
    product: { key: ENOS.productKey, secrets: current('ENOS_SECRET'), orgId: ORG },
    provision: {
      strategy: 'check-pre-provisioned-devices',
      dynamic: true,
      serviceAccounts: ['rod-app'],
      bootstrap: { groupId: 'g-1', secret: { env: 'GROUP_SECRET' } },
      endpoints: { mqtt: 'mqtts://iot.example.org:8883', http: 'https://iot.example.org' },
    },
  }),
  alibabaProfile('light'),
  alibabaProfile('open', {
    product: { key: OPEN, secrets: current('ALIBABA_SECRET') },
    provision: { strategy: 'allow-create-new-devices', dynamic: true, functionCompute: true },
  }),
  {
    name: 'native',
    provision: { strategy: 'allow-create-new-devices', key: 'pk-demo', secret: { env: 'NATIVE_SECRET' } },
    x509: { certificate: read('ca-cert.pem'), key: { env: 'CA_KEY' } },
  },
  {
    name: 'claimed',
    provision: { strategy: 'check-pre-provisioned-devices', key: 'pk-claimed', secret: { env: 'NATIVE_SECRET' } },
  },
];
const ENV = {
  GROUP_SECRET,
  NATIVE_SECRET: TBP1_SECRET,
  CA_KEY: read('ca-key.pem'),
  LOG_LEVEL: 'trace',
  GRIDMOOR_EXPLAIN_SAMPLE: '1',
};

/** What was used as a secret, and what was answered to those who are refused. */
class Journal {
  readonly needles: Needle[] = [];
  readonly refusals: string[] = [];

  /** In the forms in which it could be written down. Gives it back. */
  secret(what: string, value: unknown): string {
    const text = String(value);
    expect(text.length, what).toBeGreaterThan(7);
    const bytes = Buffer.from(text);
    this.needles.push({ what, text });
    this.needles.push({ what: `${what}, hex`, text: bytes.toString('hex') });
    this.needles.push({ what: `${what}, base64`, text: bytes.toString('base64').replace(/.?=*$/, '') });
    return text;
  }
}

/** EnOS: a secret of its own, one that is activated, one over REST, one by bootstrap (registration-protocols 1.1 to 1.4). */
async function onboardEnos(broker: Broker, journal: Journal): Promise<void> {
  const own = await addDevice(broker, 'rod', 'rod-own');
  const names = enosNames({ deviceKey: 'rod-own', secret: journal.secret('enos device', own.deviceSecret) });
  const { secretKey } = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', {
    method: 'POST',
    body: { name: 'Acme' },
  });
  const params = { attributes: { Power_supplier_secret_key: journal.secret('supplier', secretKey), CUPS } };
  await using client = await openThing(broker, names);
  expect(await client.connack()).toBe(0);
  const topic = `/sys/${ENOS.productKey}/rod-own/thing/attribute/update`;
  await client.publish(topic, JSON.stringify({ id: '1', params }));
  journal.secret('enos password', names.password);
  const wrong = enosNames({ deviceKey: 'rod-own', secret: journal.secret('wrong enos secret', 'dS-of-somebody-else') });
  expect(await codeOf(broker, wrong)).not.toBe(0);

  await addDevice(broker, 'rod', 'rod-active');
  const active = enosNames({ deviceKey: 'rod-active', secret: ENOS.productSecret, mode: 3 });
  const pushed = (await issued(broker, active)) as { params?: { deviceSecret?: string }; deviceSecret?: string };
  journal.secret('activated device', pushed.params?.deviceSecret ?? pushed.deviceSecret);

  const account = await addAccount(broker, 'rod-app', { operations: ['create', 'get'] });
  const token = journal.secret('service token', await tokenOf(broker, account));
  journal.secret('service account', account.accessSecret);
  const query = { action: 'create', orgId: ORG };
  const body = JSON.stringify({ productKey: ENOS.productKey, deviceKey: 'rod-rest' });
  const made = await call(broker, account, token, { path: DEVICES, query, body });
  journal.secret('rest device', made.data.deviceSecret);
  const forged = await call(broker, { ...account, accessSecret: ACCOUNT.accessSecret }, token, {
    path: DEVICES,
    query,
    body,
  });
  journal.refusals.push(JSON.stringify(forged.body));

  await addDevice(broker, 'rod', 'rod-boot');
  const dpsSignTimestamp = Date.now();
  const signed = { deviceSn: 'rod-boot', groupId: 'g-1', dpsSignMethod: 'sha256', dpsSignTimestamp };
  const dpsSign = hashOf(`${GROUP_SECRET}rod-boot${dpsSignTimestamp}`);
  const booted = await request(broker, '/dps/bootstrap', { body: JSON.stringify({ ...signed, dpsSign }) });
  journal.secret('bootstrapped device', booted.body.ds);
  const refused = await request(broker, '/dps/bootstrap', {
    body: JSON.stringify({ ...signed, dpsSign: GROUP_SECRET }),
  });
  journal.refusals.push(JSON.stringify(refused.body));
}

/** Alibaba: HTTPS and MQTT registration, a token of `regnwl`, the façade (1.6 to 1.9). */
async function onboardAlibaba(broker: Broker, journal: Journal): Promise<void> {
  const { productKey } = ALIBABA;
  await addDevice(broker, 'light', 'light-post');
  const form = { productKey, deviceName: 'light-post', random: '567345', signMethod: 'hmacsha256' };
  const sign = registrationSign('light-post', '567345');
  const posted = JSON.parse((await postForm(broker, '/auth/register/device', { ...form, sign })).body) as {
    data: { deviceSecret: string };
  };
  const secret = journal.secret('posted device', posted.data.deviceSecret);
  const names = alibabaNames({ deviceName: 'light-post', secret });
  expect(await codeOf(broker, names)).toBe(0);
  journal.secret('alibaba password', names.password);
  const again = await postForm(broker, '/auth/register/device', { ...form, sign: ALIBABA.productSecret });
  journal.refusals.push(again.body);

  await addDevice(broker, 'light', 'light-mqtt');
  const registered = (await issued(broker, registrationNames('light-mqtt', 'register'))) as { deviceSecret: string };
  journal.secret('registered device', registered.deviceSecret);
  const { packets } = await answerTo(broker, registrationNames('light-token', 'regnwl', { productKey: OPEN }));
  const push = packets[1] as { payload?: Buffer };
  const token = JSON.parse(String(push.payload)) as { deviceToken?: string };
  journal.secret('token of a client', token.deviceToken);

  const nonce = randomBytes(12).toString('hex');
  const timestamp = String(Date.now());
  const proof = ['TBP1', OPEN, 'light-fc', timestamp, nonce, hashOf('')].join('\n');
  const proved = createHmac('sha256', ALIBABA.productSecret).update(proof).digest('hex');
  const asked = { deviceId: 'light-fc', timestamp, nonce, sign: proved, signMethod: 'TBP1-HMAC-SHA256' };
  const made = await request(broker, `/fc/${OPEN}/register`, { body: JSON.stringify(asked) });
  journal.secret('façade device', made.body.deviceSecret);
  const wrong = { ...asked, deviceId: 'light-no', sign: ALIBABA.productSecret };
  journal.refusals.push(
    JSON.stringify((await request(broker, `/fc/${OPEN}/register`, { body: JSON.stringify(wrong) })).body),
  );
}

/** ThingsBoard's form, signed requests, derived keys, certificates, devices that were made before (1.10, 1.12). */
async function onboardNative(broker: Broker, journal: Journal): Promise<void> {
  const post = async (path: string, body: string): Promise<string> =>
    (await fetch(`${broker.url}${path}`, { method: 'POST', body })).text();
  const provision = (body: object): Promise<string> => post('/api/v1/provision', JSON.stringify(body));
  const valueIn = (text: string): unknown => (JSON.parse(text) as { credentialsValue?: unknown }).credentialsValue;
  const plain = { provisionDeviceKey: 'pk-demo', provisionDeviceSecret: TBP1_SECRET };
  const token = journal.secret('access token', valueIn(await provision({ ...plain, deviceName: 'plain' })));
  await using session = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'provision' });
  const password = journal.secret('password', 'mqtt-basic-password-0123');
  const basic = { credentialsType: 'MQTT_BASIC', clientId: 'basic', username: 'basic-user', password };
  await session.publish('/provision/request', JSON.stringify({ ...plain, ...basic, deviceName: 'basic' }));
  expect(await session.message()).toContain('SUCCESS');
  const login = { port: broker.ports.mqtt, clientId: 'basic', userName: 'basic-user' };
  await using device = await MqttClient.connect({ ...login, password });
  await device.publish('v1/devices/me/telemetry', '{"power_w":1}');
  journal.secret('signed device', valueIn(await post('/api/v1/provision', signedNow({ deviceName: 'signed' }))));
  const derived = createHmac('sha256', TBP1_SECRET).update('TBP1-device\nderived').digest();
  journal.needles.push({ what: 'derived key', text: derived.toString('hex') });
  journal.secret(
    'derived device',
    valueIn(await post('/api/v1/provision', signedNow({ deviceName: 'derived' }, derived))),
  );
  const csr = { credentialsType: 'X509_CERTIFICATE', csr: read('device-ec.csr') };
  expect(await provision({ ...plain, ...csr, deviceName: 'sealed' })).toContain('SUCCESS');
  const claimedToken = journal.secret('token made before', 'token-made-before-0123');
  const made = {
    name: 'before',
    profile: 'claimed',
    keepSealed: true,
    credentials: { type: 'ACCESS_TOKEN', token: claimedToken },
  };
  await api(broker, '/api/gridmoor/devices', { method: 'POST', body: made });
  const claims = { ...plain, provisionDeviceKey: 'pk-claimed', deviceName: 'before' };
  expect(valueIn(await provision(claims))).toBe(claimedToken);

  expect((await fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', body: '{"a":1}' })).status).toBe(
    200,
  );
  const wrong = journal.secret('wrong secret', 'not-the-provision-secret-01');
  journal.refusals.push(
    await provision({ ...plain, deviceName: 'plain' }),
    await provision({ ...plain, provisionDeviceSecret: wrong, deviceName: 'x' }),
    await provision({ ...plain, deviceName: 'x', credentialsType: token }),
    await post('/api/v1/provision', `{"provisionDeviceSecret":"${TBP1_SECRET}",`),
    await post(`/api/v1/${token}/telemetry`, `{"token":"${token}",`),
    await post(`/api/v1/${wrong}/telemetry`, '{}'),
  );
}

/** What operators can read: every page that needs no name, the explained messages and the backup among them. */
async function pagesOf(broker: Broker): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const headers = { authorization: `Bearer ${broker.adminKey}` };
  const openapi = (await (await fetch(`${broker.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const paths = Object.keys(openapi.paths).filter((path) => !path.includes('{') && openapi.paths[path]?.get);
  expect(paths.length).toBeGreaterThan(20);
  const pages = [];
  for (const path of [...paths, '/metrics', '/api/gridmoor/audit?pageSize=500']) {
    const answer = await fetch(`${broker.url}${path}`, { headers, signal: AbortSignal.timeout(20_000) });
    pages.push({ path, text: Buffer.from(await answer.arrayBuffer()).toString('latin1') });
  }
  const backup = await fetch(`${broker.url}/api/gridmoor/backup`, { method: 'POST', headers });
  pages.push({ path: 'backup', text: Buffer.from(await backup.arrayBuffer()).toString('latin1') });
  return pages;
}

it.each(['own files', 'Redis'])(
  'case 50: with %s, after all ways to register, no secret is in store, logs, traces, metrics, audit, backup or refusals',
  async (kind) => {
    await using redis = kind === 'Redis' ? await startRedis({ args: ['--rdbcompression', 'no'] }) : undefined;
    const store = redis ? { REDIS_URL: redis.url, GRIDMOOR_SECRET_KEY: 'an-instance-key-0123456789-abcdefgh' } : {};
    await using dialects = await startDialects(PROFILES, { env: { ...ENV, ...store } });
    const { broker } = dialects;
    const journal = new Journal();
    journal.secret('product of enos', ENOS.productSecret);
    journal.secret('product of alibaba', ALIBABA.productSecret);
    journal.secret('bootstrap group', GROUP_SECRET);
    journal.secret('provision secret', TBP1_SECRET);
    journal.secret('administrator', broker.adminKey);
    journal.needles.push({ what: 'key of the authority', text: read('ca-key.pem').split('\n')[1] ?? '' });
    if (redis) journal.secret('instance key', store.GRIDMOOR_SECRET_KEY);

    await onboardEnos(broker, journal);
    await onboardAlibaba(broker, journal);
    await onboardNative(broker, journal);
    const pages = await pagesOf(broker);
    await broker.kill();
    const { needles } = journal;
    const hits = [
      ...scanFiles(broker.dataDir, needles),
      ...scanLines('log', [...broker.stdout, ...broker.stderr], needles),
      ...scanLines('refusal', journal.refusals, needles),
      ...pages.flatMap(({ path, text }) => scanLines(path, [text], needles)),
    ];
    if (redis) {
      await redis.client.save();
      hits.push(...scanFiles(redis.dir, needles), ...scanLines('log of Redis', [redis.log()], needles));
      expect(readFileSync(join(redis.dir, 'dump.rdb')).includes('rod-own')).toBe(true);
    }
    expect(broker.logs().filter(({ event }) => event === 'provision').length).toBeGreaterThan(5);
    expect(pages.find(({ path }) => path.startsWith('/api/gridmoor/audit?'))?.text).toContain('provision');
    expect(needles.length).toBeGreaterThan(60);
    expect(hits).toEqual([]);
  },
);
