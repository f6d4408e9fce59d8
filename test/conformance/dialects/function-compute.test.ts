import { createHash, createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { api, deviceId } from '../../helpers/system.ts';
import {
  ALIBABA,
  addDevice,
  alibabaNames,
  alibabaProfile,
  audited,
  codeOf,
  type DialectBroker,
  startDialects,
} from './kit.ts';
import { type Answer, request } from './service-accounts.ts';

const OPEN = 'c3OpenPk';
const SERIALS = '/api/gridmoor/profiles/serials/serials';
const derived = (name: string): Buffer =>
  createHmac('sha256', ALIBABA.productSecret).update(`TBP1-device\n${name}`).digest();

/** A proof as TBP1 signs it, made here and not by what is tested. */
function proofOf(productKey: string, name: string, key: string | Buffer, timestamp = String(Date.now())) {
  const nonce = randomBytes(12).toString('hex');
  const claims = createHash('sha256').update('').digest('hex');
  const content = ['TBP1', productKey, name, timestamp, nonce, claims].join('\n');
  const sign = createHmac('sha256', key).update(content).digest('hex');
  return { timestamp, nonce, sign, signMethod: 'TBP1-HMAC-SHA256' };
}

describe('Function Compute', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  const ask = (productKey: string, body: object | string, tls = true): Promise<Answer> =>
    request(broker, `/fc/${productKey}/register`, {
      body: typeof body === 'string' ? body : JSON.stringify(body),
      tls,
    });
  const askWith = (productKey: string, name: string, key: string | Buffer, timestamp?: string) =>
    ask(productKey, { deviceId: name, ...proofOf(productKey, name, key, timestamp) });
  const login = (productKey: string, deviceName: string, secret: unknown) =>
    codeOf(broker, alibabaNames({ productKey, deviceName, secret: String(secret) }));

  beforeAll(async () => {
    const secrets = [{ secret: { env: 'ALIBABA_SECRET' }, state: 'current' }];
    const product = (key: string) => ({ product: { key, secrets } });
    dialects = await startDialects([
      alibabaProfile('listed', { provision: { strategy: 'check-pre-provisioned-devices', functionCompute: true } }),
      alibabaProfile('open', {
        ...product(OPEN),
        provision: { strategy: 'allow-create-new-devices', functionCompute: true, quota: 2 },
      }),
      alibabaProfile('off', { ...product('d4OffPk'), provision: { strategy: 'allow-create-new-devices' } }),
      alibabaProfile('serials', {
        ...product('e5ListPk'),
        provision: { strategy: 'allow-create-new-devices', functionCompute: true, allowList: { mode: 'serials' } },
      }),
    ]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  it('case 27: with a proof the same triple comes each time, before the first login and after it', async () => {
    const first = await askWith(OPEN, 'light-27', derived('light-27'));
    expect(first).toMatchObject({ status: 200, body: { productKey: OPEN, deviceName: 'light-27' } });
    const { deviceSecret } = first.body;
    expect((await askWith(OPEN, 'light-27', derived('light-27'))).body).toEqual(first.body);
    expect(await login(OPEN, 'light-27', deviceSecret)).toBe(0);
    expect((await askWith(OPEN, 'light-27', derived('light-27'))).body).toEqual(first.body);
    expect((await askWith(OPEN, 'light-27', String(deviceSecret))).body).toEqual(first.body);
    expect(await login(OPEN, 'light-27', deviceSecret)).toBe(0);
    const id = await deviceId(broker, 'light-27');
    expect((await audited(broker, `device:${id}`))[0]).toBe('device.register: same');
  });

  it('case 27: a listed device needs no proof until it has logged in, and then one that is its own', async () => {
    const name = ALIBABA.deviceName;
    await addDevice(broker, 'listed', name);
    const { productKey } = ALIBABA;
    const first = await ask(productKey, { deviceId: name });
    expect(first.status).toBe(200);
    expect((await ask(productKey, { deviceId: name })).body).toEqual(first.body);
    expect(await login(productKey, name, first.body.deviceSecret)).toBe(0);
    expect(await ask(productKey, { deviceId: name })).toMatchObject({ status: 403, code: 403 });
    // The product's secret may be in many hands.
    expect((await askWith(productKey, name, ALIBABA.productSecret)).status).toBe(403);
    expect((await askWith(productKey, name, derived(name))).body).toEqual(first.body);
  });

  it('case 27: a serial that nobody listed is 403 and nothing is made', async () => {
    const refusals = [
      await ask(ALIBABA.productKey, { deviceId: 'light-none' }),
      await askWith(ALIBABA.productKey, 'light-none', derived('light-none')),
      await ask(OPEN, { deviceId: 'light-none' }),
      await ask('noSuchPk', { deviceId: 'light-none' }),
      await askWith('d4OffPk', 'light-none', derived('light-none')),
      await ask('e5ListPk', { deviceId: 'light-none' }),
      await askWith('e5ListPk', 'light-none', derived('light-none')),
    ];
    expect(new Set(refusals.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    expect(refusals[0]?.status).toBe(403);
    await expect(deviceId(broker, 'light-none')).rejects.toThrow('404');
  });

  it('case 27: a full product says so, and no other device is given instead', async () => {
    expect((await askWith(OPEN, 'light-q2', derived('light-q2'))).status).toBe(200);
    const full = await askWith(OPEN, 'light-q3', derived('light-q3'));
    expect(full).toMatchObject({ status: 429, code: 429 });
    expect(full.body).not.toHaveProperty('deviceSecret');
    await expect(deviceId(broker, 'light-q3')).rejects.toThrow('404');
  });

  it('a serial of the list needs no proof', async () => {
    await api(broker, SERIALS, { method: 'POST', body: { serials: ['light-l1'] } });
    const first = await ask('e5ListPk', { deviceId: 'light-l1' });
    expect(first.status).toBe(200);
    expect(await login('e5ListPk', 'light-l1', first.body.deviceSecret)).toBe(0);
    expect((await ask('e5ListPk', { deviceId: 'light-l1' })).status).toBe(403);
  });

  it('a proof is taken once, in time, for its own device and product', async () => {
    const name = 'light-27';
    const proof = proofOf(OPEN, name, derived(name));
    expect((await ask(OPEN, { deviceId: name, ...proof })).status).toBe(200);
    expect((await ask(OPEN, { deviceId: name, ...proof })).status).toBe(403);
    expect((await ask(OPEN, { deviceId: 'light-q2', ...proofOf(OPEN, name, derived(name)) })).status).toBe(403);
    expect((await ask(OPEN, { deviceId: name, ...proofOf('d4OffPk', name, derived(name)) })).status).toBe(403);
    expect((await askWith(OPEN, name, derived('light-q2'))).status).toBe(403);
    expect((await askWith(OPEN, name, derived(name), String(Date.now() - 310_000))).status).toBe(403);
    expect((await askWith(OPEN, name, derived(name), '')).status).toBe(403);
  });

  it('a device without a clock signs a challenge', async () => {
    const name = 'light-27';
    const challenge = await (await fetch(`${broker.url}/api/v1/provision/challenge`)).json();
    const { nonce } = challenge as { nonce: string };
    const claims = createHash('sha256').update('').digest('hex');
    const sign = createHmac('sha256', derived(name))
      .update(['TBP1', OPEN, name, '', nonce, claims].join('\n'))
      .digest('hex');
    const body = { deviceId: name, timestamp: '', nonce, sign, signMethod: 'TBP1-HMAC-SHA256' };
    expect((await ask(OPEN, body)).status).toBe(200);
    expect((await ask(OPEN, body)).status).toBe(403);
  });

  it('secrets are given over TLS only', async () => {
    const body = { deviceId: 'light-27', ...proofOf(OPEN, 'light-27', derived('light-27')) };
    expect((await ask(OPEN, body, false)).status).toBe(403);
  });

  it('a disabled device gets nothing', async () => {
    const id = await deviceId(broker, 'light-q2');
    await api(broker, `/api/gridmoor/devices/${id}/disable`, { method: 'POST' });
    expect((await askWith(OPEN, 'light-q2', derived('light-q2'))).status).toBe(403);
  });

  it('case 50: no log line and no audit line holds a secret that was used here', async () => {
    const { body } = await askWith(OPEN, 'light-27', derived('light-27'));
    const audit = await api(broker, '/api/gridmoor/audit?pageSize=500');
    const lines = [...broker.stdout, ...broker.stderr, JSON.stringify(audit)].join('\n');
    const used = [String(body.deviceSecret), ALIBABA.productSecret, derived('light-27').toString('hex')];
    for (const secret of used) expect(lines).not.toContain(secret);
  });

  it.each([
    ['', 400],
    ['[]', 400],
    ['{}', 400],
    ['{"deviceId":7}', 400],
    ['{"deviceId":"light-1","nonce":"short","sign":"x","signMethod":"x"}', 400],
    ['{"deviceId":"light-1","sign":"x"}', 400],
    ['{"deviceId":"light-1","timestamp":"soon","nonce":"0123456789abcdef","sign":"x","signMethod":"x"}', 400],
    ['{"deviceId":"light-1","timestamp":"1","nonce":"0123456789abcdef","sign":"x","signMethod":"none"}', 403],
    [`{"deviceId":"${'a'.repeat(65)}"}`, 400],
    ['{"deviceId":"a&b"}', 403],
    ['{"deviceId":"__proto__"}', 403],
  ])('%s is %d', async (body, status) => {
    expect((await ask(OPEN, body)).status).toBe(status);
  });
});
