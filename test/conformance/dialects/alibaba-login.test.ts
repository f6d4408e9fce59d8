import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { api, deviceId } from '../../helpers/system.ts';
import { readAsCClient } from './c-parser.ts';
import {
  ALIBABA,
  addDevice,
  alibabaNames,
  alibabaProfile,
  answerTo,
  audited,
  codeOf,
  type DialectBroker,
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

const REGISTER = '/auth/register/device';
const userName = 'light-0001&a1AbCdEfGhI';
/** A product without a list of its devices. */
const NO_LIST = 'b2NoListPk';

const formOf = (deviceName: string, random = '8Ygb7ULYh53B6OA') => ({
  productKey: ALIBABA.productKey,
  deviceName,
  random,
  sign: registrationSign(deviceName, random),
  signMethod: 'hmacsha256',
});
const secretIn = (body: string): string => (JSON.parse(body) as { data: { deviceSecret: string } }).data.deviceSecret;

describe('Alibaba', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    const secrets = [{ secret: { env: 'ALIBABA_SECRET' }, state: 'current' }];
    dialects = await startDialects([
      alibabaProfile('light', { compat: { legacyHashes: true } }),
      alibabaProfile('open', {
        product: { key: NO_LIST, secrets },
        provision: { strategy: 'allow-create-new-devices', dynamic: true, quota: 2 },
      }),
      enosProfile('rod'),
    ]);
    broker = dialects.broker;
    await addDevice(broker, 'light', ALIBABA.deviceName, ALIBABA.deviceSecret);
    await addDevice(broker, 'rod', ENOS.deviceKey, ENOS.deviceSecret);
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  it('case 16: the packet A3 of the C SDK is taken over TLS with securemode 2', async () => {
    const names = {
      clientId:
        'a1AbCdEfGhI.light-0001|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=2,signmethod=hmacsha256,lan=C,gw=0,ext=0|',
      userName,
      password: '39ABEC9A8DB5FF775923051CF7C0E2D24F3C3F50BA5F4C97E0BADCF4A4A42B7B',
    };
    expect(await codeOf(broker, names)).toBe(0);
    // Link SDK 4 ends its list with a comma.
    const four = { ...names, clientId: names.clientId.replace('lan=C,gw=0,ext=0', 'ext=3,') };
    expect(await codeOf(broker, four)).toBe(0);
  });

  it('case 17: A4 of the Node SDK, A5 without a timestamp and A6 with MD5 are taken', async () => {
    const node = {
      clientId: 'a1AbCdEfGhI&light-0001|securemode=2,signmethod=hmacsha1,timestamp=1700000000000|',
      userName,
      password: '27ea9a293b9189365d55a6a40b8ebcc59854adef',
    };
    const plain = {
      clientId: 'a1AbCdEfGhI.light-0001|securemode=3,signmethod=hmacsha256|',
      userName,
      password: 'c667ee91028e861c8248a9771383411b35ff67715dfaa182c4ceb738522103ed',
    };
    const md5 = {
      clientId: '12345|securemode=3,signmethod=hmacmd5,timestamp=789|',
      userName,
      password: 'fc23a8f4c3b27f1e4ed6d833a970d58a',
    };
    expect(await codeOf(broker, node)).toBe(0);
    expect(await codeOf(broker, plain, { tls: false })).toBe(0);
    expect(await codeOf(broker, md5, { tls: false })).toBe(0);
  });

  it('case 18: each dialect denies the signature of the other', async () => {
    const plainHash = enosNames({
      deviceKey: ALIBABA.deviceName,
      productKey: ALIBABA.productKey,
      secret: ALIBABA.deviceSecret,
    });
    const hmac = alibabaNames({
      deviceName: ENOS.deviceKey,
      productKey: ENOS.productKey,
      secret: ENOS.deviceSecret,
    });
    expect(await codeOf(broker, plainHash)).toBe(4);
    expect(await codeOf(broker, { ...plainHash, clientId: plainHash.clientId.replace('sha256', 'hmacsha256') })).toBe(
      4,
    );
    expect(await codeOf(broker, hmac)).toBe(4);
  });

  it('case 19: the second connection of a device ends the first, whatever their client ids', async () => {
    const names = (timestamp: string) =>
      alibabaNames({ deviceName: ALIBABA.deviceName, secret: ALIBABA.deviceSecret, timestamp });
    await using first = await openThing(broker, names('1700000000001'));
    expect(await first.connack()).toBe(0);
    await first.alive();
    await using second = await openThing(broker, names('1700000000002'));
    expect(await second.connack()).toBe(0);
    await first.ended();
    await second.alive();
  });

  it('case 20: an unknown product and swapped parts of the user name are denied', async () => {
    const names = alibabaNames({ deviceName: ALIBABA.deviceName, secret: ALIBABA.deviceSecret });
    const unknown = { deviceName: ALIBABA.deviceName, productKey: 'a1Unknown', secret: ALIBABA.deviceSecret };
    expect(await codeOf(broker, alibabaNames(unknown))).toBe(4);
    expect(await codeOf(broker, { ...names, userName: `${ALIBABA.productKey}&${ALIBABA.deviceName}` })).toBe(4);
    expect(await codeOf(broker, names)).toBe(0);
  });

  it('case 21: registration over HTTPS answers at most 255 bytes, compact, with the code first', async () => {
    await addDevice(broker, 'light', 'light-0021');
    const { status, body } = await postForm(broker, REGISTER, formOf('light-0021'));
    expect(status).toBe(200);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(255);
    expect(body).toMatch(
      /^\{"code":200,"data":\{"productKey":"a1AbCdEfGhI","deviceName":"light-0021","deviceSecret":"/,
    );
    expect(body).not.toMatch(/\s/);
    expect(await codeOf(broker, alibabaNames({ deviceName: 'light-0021', secret: secretIn(body) }))).toBe(0);
  });

  it('case 21: the vector A1 is taken as it is', async () => {
    const form = {
      ...formOf(ALIBABA.deviceName),
      sign: '45E8B1797201F835FDFAFF03642672B5DA7B5CB336D81275F2FDF26802A78BB3',
    };
    // The device has logged in: its right signature is refused as a repeat, which the audit alone tells.
    expect(await postForm(broker, REGISTER, form)).toMatchObject({ status: 401 });
    const subject = `device:${await deviceId(broker, ALIBABA.deviceName)}`;
    expect((await audited(broker, subject))[0]).toBe('device.register: repeat');
  });

  it('case 22: the parser of the C SDK finds code and secret', async () => {
    await addDevice(broker, 'light', 'l'.repeat(32));
    const { body } = await postForm(broker, REGISTER, formOf('l'.repeat(32)));
    expect(readAsCClient(body)).toEqual({ code: '200', deviceSecret: secretIn(body) });
    expect(readAsCClient(body.replace('"code":', '"code": '))?.code).not.toBe('200');
  });

  it('case 23: before the first login each registration gives another secret, and only the last one works', async () => {
    await addDevice(broker, 'light', 'light-0023');
    const first = secretIn((await postForm(broker, REGISTER, formOf('light-0023'))).body);
    const second = secretIn((await postForm(broker, REGISTER, formOf('light-0023'))).body);
    expect(second).not.toBe(first);
    expect(await codeOf(broker, alibabaNames({ deviceName: 'light-0023', secret: first }))).toBe(4);
    expect(await codeOf(broker, alibabaNames({ deviceName: 'light-0023', secret: second }))).toBe(0);
  });

  it('case 24: after the login it is refused, and works once more when an administrator resets it', async () => {
    const { id } = await addDevice(broker, 'light', 'light-0024');
    const register = () => postForm(broker, REGISTER, formOf('light-0024'));
    const first = secretIn((await register()).body);
    const login = (secret: string) => codeOf(broker, alibabaNames({ deviceName: 'light-0024', secret }));
    expect(await login(first)).toBe(0);
    expect(await register()).toEqual({ status: 401, body: '{"code":401,"message":"authentication failed"}' });
    await api(broker, `/api/gridmoor/devices/${id}/reset-activation`, { method: 'POST' });
    const second = secretIn((await register()).body);
    expect(await login(second)).toBe(0);
    expect(await login(first)).toBe(4);
    expect((await register()).status).toBe(401);
    expect(await audited(broker, `device:${id}`)).toContain('device.reset: registered');
  });

  it('case 25: registration over MQTT pushes the secret, or a token for one of five clients, without a subscription', async () => {
    await addDevice(broker, 'light', 'light-0025');
    const { packets } = await answerTo(broker, registrationNames('light-0025', 'register'));
    expect(packets).toMatchObject([{ cmd: 'connack', returnCode: 0 }, { topic: '/ext/register' }]);
    const secret = (await issued(broker, registrationNames('light-0025', 'register'))) as { deviceSecret: string };
    expect(secret).toEqual({
      productKey: ALIBABA.productKey,
      deviceName: 'light-0025',
      deviceSecret: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(await codeOf(broker, alibabaNames({ deviceName: 'light-0025', ...{ secret: secret.deviceSecret } }))).toBe(
      0,
    );

    const tokens: { clientId: string; deviceToken: string }[] = [];
    const wanted = registrationNames('open-0001', 'regnwl', { productKey: NO_LIST });
    for (let client = 0; client < 5; client++) tokens.push((await issued(broker, wanted)) as (typeof tokens)[0]);
    expect(new Set(tokens.map(({ clientId }) => clientId)).size).toBe(5);
    expect(await issued(broker, wanted)).toBe(5);
    const connect = ({ clientId, deviceToken }: (typeof tokens)[0]) =>
      codeOf(broker, {
        clientId: `${clientId}|authType=connwl,securemode=-2,_ss=1,ext=3,_v=sdk-c-4.1.0|`,
        userName: `open-0001&${NO_LIST}`,
        password: deviceToken,
      });
    for (const token of tokens) expect(await connect(token)).toBe(0);
    expect(await connect({ clientId: tokens[0]?.clientId ?? '', deviceToken: tokens[1]?.deviceToken ?? '' })).toBe(4);
    // A full product takes no more, and nobody but a client of the name.
    expect(await issued(broker, registrationNames('open-0002', 'regnwl', { productKey: NO_LIST }))).toEqual({
      clientId: expect.any(String),
      deviceToken: expect.any(String),
      productKey: NO_LIST,
      deviceName: 'open-0002',
    });
    expect(await issued(broker, registrationNames('open-0003', 'regnwl', { productKey: NO_LIST }))).toBe(4);
    expect(await issued(broker, registrationNames('light-none', 'regnwl'))).toBe(4);
  });

  it('case 25: the vector A2 is taken as it is', async () => {
    const names = {
      clientId: 'light-0001.a1AbCdEfGhI|random=567345,authType=register,securemode=2,signmethod=hmacsha256|',
      userName,
      password: '7F08A59DEC2D1C42EE44AF47CC7DF4135737570FAB53FF22170CF8E275961743',
    };
    // The device is active: 5 says that the signature was right, and 4 that it was not.
    expect(await issued(broker, names)).toBe(5);
    expect(await issued(broker, { ...names, password: names.password.replace('7', '8') })).toBe(4);
  });

  it("case 26: nothing that the product's secret signs is taken over a plain listener", async () => {
    const { id } = await addDevice(broker, 'light', 'light-0026');
    await addDevice(broker, 'rod', 'rod-0026');
    expect(await codeOf(broker, registrationNames('light-0026', 'register'), { tls: false })).toBe(4);
    expect(
      await codeOf(broker, enosNames({ deviceKey: 'rod-0026', secret: ENOS.productSecret, mode: 3 }), { tls: false }),
    ).toBe(4);
    expect(await postForm(broker, REGISTER, formOf('light-0026'), { tls: false })).toMatchObject({ status: 401 });
    expect((await audited(broker, `device:${id}`)).filter((entry) => entry === 'device.register: no-tls')).toHaveLength(
      2,
    );
    expect((await postForm(broker, REGISTER, formOf('light-0026'))).status).toBe(200);
  });
});
