import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { api, deviceId } from '../../helpers/system.ts';
import { codeOf, type DialectBroker, ENOS, enosNames, enosProfile, openThing, startDialects } from './kit.ts';
import {
  ACCOUNT,
  type Answer,
  addAccount,
  askToken,
  call,
  ORG,
  request,
  TOKEN_PATH,
  tokenOf,
} from './service-accounts.ts';

/** The body of E9, byte for byte. */
const E9 = '{"productKey":"pK11111","timezone":"+08:00","deviceName":{"defaultValue":"rod-1"},"deviceKey":"dK987654"}';
const CREATE = { action: 'create', orgId: ORG };
const bodyOf = (deviceKey: string, more: object = {}): string =>
  JSON.stringify({
    productKey: ENOS.productKey,
    timezone: '+08:00',
    deviceName: { defaultValue: deviceKey },
    deviceKey,
    ...more,
  });

describe('EnOS REST', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  const tokens = new Map<string, string>();
  const accounts = new Map<string, { accessKey: string; accessSecret: string }>();

  /** A call by an account of that name, with its token. */
  async function by(name: string, what: Parameters<typeof call>[3]): Promise<Answer> {
    const keys = accounts.get(name) ?? ACCOUNT;
    const token = tokens.get(name) ?? (await tokenOf(broker, keys));
    tokens.set(name, token);
    return call(broker, keys, token, what);
  }

  beforeAll(async () => {
    const secrets = [{ secret: { env: 'ENOS_SECRET' }, state: 'current' }];
    dialects = await startDialects([
      enosProfile('rod', {
        product: { key: ENOS.productKey, secrets, orgId: ORG },
        provision: {
          strategy: 'check-pre-provisioned-devices',
          dynamic: true,
          serviceAccounts: ['rod-app', 'creator', 'depot', 'other-scope'],
        },
      }),
      enosProfile('other', {
        product: { key: 'otherPk', secrets, orgId: 'o-other' },
        provision: { strategy: 'check-pre-provisioned-devices', quota: 1, serviceAccounts: ['stranger', 'depot'] },
      }),
    ]);
    broker = dialects.broker;
    accounts.set('rod-app', await addAccount(broker, 'rod-app', ACCOUNT));
    accounts.set('creator', await addAccount(broker, 'creator', { operations: ['create'] }));
    const all = ['create', 'get', 'search', 'update', 'delete', 'disable', 'enable', 'replace'];
    accounts.set('depot', await addAccount(broker, 'depot', { operations: all }));
    accounts.set('stranger', await addAccount(broker, 'stranger', { operations: all }));
    accounts.set('other-scope', await addAccount(broker, 'other-scope', { operations: all, profiles: ['other'] }));
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  it('case 11: the token of E8 and a creation as E9 give a secret that works; the device was inactive until then', async () => {
    const asked = await askToken(broker, ACCOUNT, '1700000000000');
    expect(asked.body).toMatchObject({ status: 0, data: { expire: 7200 } });
    tokens.set('rod-app', String(asked.data.accessToken));
    const made = await by('rod-app', { query: CREATE, body: E9 });
    expect(made).toMatchObject({ status: 200, body: { code: 0, msg: 'OK', requestId: expect.any(String) } });
    expect(made.data).toMatchObject({ productKey: ENOS.productKey, deviceKey: ENOS.deviceKey });
    const get = { action: 'get', orgId: ORG, productKey: ENOS.productKey, deviceKey: ENOS.deviceKey };
    const before = await by('rod-app', { query: get, method: 'GET' });
    expect(before.data).toMatchObject({ orgId: ORG, status: 'inactive', deviceName: { defaultValue: 'rod-1' } });
    const secret = String(made.data.deviceSecret);
    expect(await codeOf(broker, enosNames({ deviceKey: ENOS.deviceKey, secret }))).toBe(0);
    const after = await by('rod-app', { query: get, method: 'GET' });
    expect(['online', 'offline']).toContain(after.data.status);
  });

  it('case 12: the same creation again is 11702 and changes nothing; get gives the device', async () => {
    const first = await by('rod-app', { query: CREATE, body: bodyOf('rod-12') });
    const again = await by('rod-app', { query: CREATE, body: bodyOf('rod-12', { deviceName: { defaultValue: 'x' } }) });
    expect(again.body).toMatchObject({ code: 11702 });
    expect(again.body).not.toHaveProperty('data');
    const assetId = String(first.data.assetId);
    const found = await by('rod-app', { query: { action: 'get', orgId: ORG, assetId }, method: 'GET' });
    expect(found.data).toMatchObject({ ...first.data, deviceName: { defaultValue: 'rod-12' } });
  });

  it('case 13: a body with one byte changed, or another query, is refused and nothing is made', async () => {
    const body = bodyOf('rod-13');
    const changed = await by('rod-app', { query: CREATE, body, sentBody: body.replace('rod-13', 'rod-14') });
    expect(changed).toMatchObject({ status: 401, code: 401 });
    const moved = { ...CREATE, orgId: 'o-other' };
    expect(await by('rod-app', { query: CREATE, body, sentQuery: moved })).toMatchObject({ status: 401 });
    const more = { ...CREATE, x: '1' };
    expect(await by('rod-app', { query: CREATE, body, sentQuery: more })).toMatchObject({ status: 401 });
    for (const name of ['rod-13', 'rod-14']) await expect(deviceId(broker, name)).rejects.toThrow('404');
  });

  it('case 14: the same token request again is 1001, an unknown token 1203, an unknown key 1002', async () => {
    const keys = accounts.get('depot') ?? ACCOUNT;
    expect((await askToken(broker, keys, '1700000000001')).code).toBe(0);
    expect((await askToken(broker, keys, '1700000000001')).code).toBe(1001);
    expect((await askToken(broker, { ...keys, accessKey: 'ak-nobody' }, '1700000000002')).code).toBe(1002);
    expect((await askToken(broker, { ...keys, accessSecret: 'as-wrong' }, '1700000000003')).code).toBe(1003);
    const gone = await call(broker, keys, 'f'.repeat(64), { query: CREATE, body: bodyOf('rod-x') });
    expect(gone.code).toBe(1203);
  });

  it('case 14: asking again before the end gives the same token with the seconds that are left', async () => {
    const keys = accounts.get('stranger') ?? ACCOUNT;
    const [one, two] = [await askToken(broker, keys, '1'), await askToken(broker, keys, '2')];
    expect(two.data.accessToken).toBe(one.data.accessToken);
    expect(two.data.expire).toBeLessThanOrEqual(7200);
  });

  it('case 15: an account that may only create deletes nothing; one of another organisation may nothing', async () => {
    await by('creator', { query: CREATE, body: bodyOf('rod-15') });
    const named = { orgId: ORG, productKey: ENOS.productKey, deviceKey: 'rod-15' };
    expect(await by('creator', { query: { ...named, action: 'delete' } })).toMatchObject({ status: 403, code: 403 });
    expect(await by('creator', { query: { ...named, action: 'get' } })).toMatchObject({ status: 403 });
    for (const name of ['stranger', 'other-scope']) {
      for (const action of ['delete', 'get', 'update', 'search']) {
        const tried = await by(name, { query: { ...named, action } });
        expect([name, action, tried.code]).toEqual([name, action, 403]);
      }
      expect((await by(name, { query: CREATE, body: bodyOf(`rod-${name}`) })).code).toBe(403);
    }
    expect((await by('depot', { query: { ...CREATE, orgId: 'o-other' }, body: bodyOf('rod-y') })).code).toBe(403);
    await deviceId(broker, 'rod-15');
  });

  it('case 15: get-own reads what the account has created, and nothing else', async () => {
    await by('depot', { query: CREATE, body: bodyOf('rod-depot') });
    const query = { action: 'get', orgId: ORG, productKey: ENOS.productKey, deviceKey: 'rod-depot' };
    expect((await by('rod-app', { query })).code).toBe(403);
    expect((await by('depot', { query })).code).toBe(0);
    expect((await by('depot', { query: { ...query, deviceKey: 'rod-nobody' } })).code).toBe(11404);
  });

  it('a batch makes what it can and reports each item', async () => {
    const items = ['rod-b1', 'rod-b2', 'rod-b1'].map((key) => JSON.parse(bodyOf(key)) as object);
    const body = JSON.stringify({ deviceList: [...items, { productKey: 'otherPk' }, 7] });
    const made = await by('rod-app', { query: { ...CREATE, action: 'batchCreate' }, body });
    expect(made.body).toMatchObject({ code: 0, successSize: 2, totalSize: 5 });
    const codes = (made.body.data as { code: number }[]).map(({ code }) => code);
    expect(codes).toEqual([0, 0, 11702, 403, 99400]);
  });

  it('a quota is 11739, and chains hear of it', async () => {
    const body = (key: string) => bodyOf(key, { productKey: 'otherPk' });
    const query = { ...CREATE, orgId: 'o-other' };
    expect((await by('stranger', { query, body: body('sub-1') })).code).toBe(0);
    expect((await by('stranger', { query, body: body('sub-2') })).code).toBe(11739);
  });

  it('search, update and delete', async () => {
    for (const key of ['find-1', 'find-2', 'find-3']) await by('depot', { query: CREATE, body: bodyOf(key) });
    const body = JSON.stringify({
      productKey: ENOS.productKey,
      deviceKey: 'find',
      pagination: { pageNo: 2, pageSize: 2 },
    });
    const found = await by('depot', { query: { orgId: ORG, action: 'search' }, body });
    expect(found.body).toMatchObject({
      pagination: { pageNo: 2, pageSize: 2, totalSize: 3 },
      data: [{ deviceKey: 'find-3' }],
    });
    expect(JSON.stringify(found.body)).not.toContain('deviceSecret');
    const named = { orgId: ORG, productKey: ENOS.productKey, deviceKey: 'find-1' };
    const change = JSON.stringify({ deviceName: { defaultValue: 'renamed' }, deviceTags: { a: 'b' } });
    expect((await by('depot', { query: { ...named, action: 'update' }, body: change })).code).toBe(0);
    const get = await by('depot', { query: { ...named, action: 'get' }, method: 'GET' });
    expect(get.data).toMatchObject({ deviceName: { defaultValue: 'renamed' }, deviceTags: { a: 'b' } });
    expect((await by('depot', { query: { ...named, action: 'delete' } })).code).toBe(0);
    expect((await by('depot', { query: { ...named, action: 'get' } })).code).toBe(11404);
  });

  it('a disabled device is let in no more until it is enabled, with the secret it had', async () => {
    const made = await by('depot', { query: CREATE, body: bodyOf('rod-life') });
    const names = enosNames({ deviceKey: 'rod-life', secret: String(made.data.deviceSecret) });
    await using client = await openThing(broker, names);
    expect(await client.connack()).toBe(0);
    const named = { orgId: ORG, productKey: ENOS.productKey, deviceKey: 'rod-life' };
    expect((await by('depot', { query: { ...named, action: 'disable' } })).code).toBe(0);
    await client.ended();
    expect(await codeOf(broker, names)).toBe(5);
    const get = await by('depot', { query: { ...named, action: 'get' } });
    expect(get.data).toMatchObject({ status: 'disable', deviceSecret: made.data.deviceSecret });
    expect((await by('depot', { query: { ...named, action: 'enable' } })).code).toBe(0);
    expect(await codeOf(broker, names)).toBe(0);
    expect((await by('rod-app', { query: { ...named, action: 'disable' } })).code).toBe(403);
  });

  it('another unit takes the place of a device: same assetId, another secret', async () => {
    const made = await by('depot', { query: CREATE, body: bodyOf('rod-old') });
    const query = { orgId: ORG, action: 'replace', assetId: String(made.data.assetId) };
    const replaced = await by('depot', { query, body: '{"newDeviceKey":"rod-new"}' });
    expect(replaced.data).toMatchObject({ assetId: made.data.assetId, deviceKey: 'rod-new' });
    const old = enosNames({ deviceKey: 'rod-old', secret: String(made.data.deviceSecret) });
    const fresh = enosNames({ deviceKey: 'rod-new', secret: String(replaced.data.deviceSecret) });
    expect([await codeOf(broker, old), await codeOf(broker, fresh)]).toEqual([4, 0]);
    // The name of a unit that was replaced does not come back.
    expect((await by('depot', { query: CREATE, body: bodyOf('rod-old') })).code).toBe(11702);
    expect((await by('depot', { query, body: '{"newDeviceKey":"a&b"}' })).code).toBe(99400);
  });

  it.each([
    ['no body', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['no product', '{"timezone":"+08:00"}'],
    ['a product of another type', '{"productKey":7}'],
    ['no timezone', bodyOf('bad-1', { timezone: undefined })],
    ['a name of another form', bodyOf('bad-2', { deviceName: 'rod' })],
    ['a name with markup', bodyOf('bad-3', { deviceName: { defaultValue: '<b>' } })],
    ['a key with a separator', bodyOf('bad&4')],
    ['a key that is too long', bodyOf('x'.repeat(65))],
    ['tags that are no texts', bodyOf('bad-5', { deviceTags: { a: 1 } })],
    ['101 tags', bodyOf('bad-6', { deviceTags: Object.fromEntries([...Array(101)].map((_, i) => [`t${i}`, ''])) })],
  ])('a creation with %s is 99400', async (_what, body) => {
    expect((await by('rod-app', { query: CREATE, body })).code).toBe(99400);
  });

  it.each([
    ['no organisation', { action: 'create' }, 99400],
    ['an action that is none', { action: 'explode', orgId: ORG }, 99400],
    ['an action of an object', { action: '__proto__', orgId: ORG }, 99400],
  ])('a call with %s is refused', async (_what, query, code) => {
    expect((await by('rod-app', { query: query as Record<string, string>, body: bodyOf('bad-7') })).code).toBe(code);
  });

  it.each([
    ['{}', 1202],
    ['', 1202],
    ['[]', 1004],
    ['{"appKey":{},"encryption":"x","timestamp":"1"}', 1004],
    [`{"appKey":"${'a'.repeat(300)}","encryption":"x","timestamp":"1"}`, 1004],
    ['{"appKey":"ak-demo","encryption":"x","timestamp":"1"}', 1003],
  ])('a token request of %s is %d', async (body, code) => {
    expect((await request(broker, TOKEN_PATH, { body })).code).toBe(code);
  });

  it('secrets are given over TLS only', async () => {
    const plain = await by('rod-app', { query: CREATE, body: bodyOf('rod-plain'), tls: false });
    expect(plain).toMatchObject({ status: 403, code: 403 });
    const query = { action: 'get', orgId: ORG, productKey: ENOS.productKey, deviceKey: ENOS.deviceKey };
    expect((await by('rod-app', { query, tls: false })).code).toBe(403);
    await expect(deviceId(broker, 'rod-plain')).rejects.toThrow('404');
  });

  it('the kill switch ends the tokens of an account at once', async () => {
    const keys = await addAccount(broker, 'doomed', {});
    const token = await tokenOf(broker, keys);
    await api(broker, '/api/gridmoor/service-accounts/doomed/disable', { method: 'POST' });
    const tried = await call(broker, keys, token, { query: CREATE, body: bodyOf('rod-doomed') });
    expect(tried.code).toBe(1203);
    expect((await askToken(broker, keys, '5')).code).toBe(1002);
  });

  it('case 50: no log line and no audit line holds a secret or a token that was used here', async () => {
    const made = await by('depot', { query: CREATE, body: bodyOf('rod-log') });
    const audit = await api(broker, '/api/gridmoor/audit?pageSize=500');
    const lines = [...broker.stdout, ...broker.stderr, JSON.stringify(audit)].join('\n');
    const used = [String(made.data.deviceSecret), ENOS.productSecret, ACCOUNT.accessSecret, ...tokens.values()];
    for (const { accessSecret } of accounts.values()) used.push(accessSecret);
    expect(lines).toContain('rod-log');
    for (const secret of used) expect(lines).not.toContain(secret);
  });
});
