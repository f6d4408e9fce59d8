import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { api } from '../../helpers/system.ts';
import {
  addDevice,
  codeOf,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  openThing,
  startDialects,
} from './kit.ts';
import { latest, rpc } from './messages.ts';

const E11 = '557336f377b74fd9e445d78dd6f54dc0ce3d99dc4fb6213b292c74d3b43e75f5';

describe('the HTTP device API of EnOS', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let id = '';

  beforeAll(async () => {
    dialects = await startDialects([
      enosProfile('rod'),
      enosProfile('tls', { ...tls, listeners: { requireTls: true } }),
    ]);
    broker = dialects.broker;
    id = (await addDevice(broker, 'rod', ENOS.deviceKey, ENOS.deviceSecret)).id;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const tls = { product: { key: 'pK-tls', secrets: [{ secret: { env: 'ENOS_SECRET' }, state: 'current' }] } };
  const call = async (path: string, body: string | Uint8Array<ArrayBuffer>, type = 'application/json') => {
    const response = await fetch(`${broker.url}${path}`, { method: 'POST', headers: { 'content-type': type }, body });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  const auth = (
    fields: Record<string, unknown>,
    deviceKey: string = ENOS.deviceKey,
    productKey: string = ENOS.productKey,
  ) => call(`/auth/${productKey}/${deviceKey}`, JSON.stringify(fields));
  const e11 = { signMethod: 'sha256', lifetime: 300_000, sign: E11 };
  const login = async (): Promise<string> => (await auth(e11)).body.data.sessionId;
  const topic = (path: string, sessionId: string): string =>
    `/topic/sys/${ENOS.productKey}/${ENOS.deviceKey}/${path}?sessionId=${sessionId}`;

  it('E11 opens a session, a post over it is stored and answered by its reply', async () => {
    const opened = await auth(e11);
    expect([opened.status, opened.body.code]).toEqual([200, 200]);
    const sessionId: string = opened.body.data.sessionId;
    const params = { measurepoints: { power: 7 }, time: 1_700_000_000_000 };
    const body = JSON.stringify({ id: '9', version: '1.1', method: 'thing.measurepoint.post', params });
    const posted = await call(topic('thing/measurepoint/post', sessionId), body);
    expect([posted.status, posted.body]).toMatchObject([200, { id: '9', code: 200 }]);
    expect(await latest(broker, id)).toEqual({ power: [1_700_000_000_000, 7] });
    const raw = await call(topic('thing/model/up_raw', sessionId), new Uint8Array([1, 2]), 'application/octet-stream');
    expect(raw.body.code).toBe(200);
    expect((await call(topic('thing/measurepoint/post', sessionId), '{')).body.code).toBe(1220);
  });

  it('a call to the device rides in the headers of the next answer, and its reply completes it', async () => {
    const sessionId = await login();
    const answered = rpc(broker, id, { method: 'reboot', params: { why: 'grüße' }, timeout: 10_000 });
    const ping = JSON.stringify({ id: '1', params: { logs: '' } });
    let topicOf: string | null = null;
    let payload = '';
    for (let tries = 0; topicOf === null && tries < 200; tries++) {
      const { headers } = await call(topic('thing/log/post', sessionId), ping);
      topicOf = headers.get('topic');
      payload = headers.get('command-payload') ?? '';
    }
    expect(topicOf).toBe(`/sys/${ENOS.productKey}/${ENOS.deviceKey}/thing/service/reboot`);
    const command = JSON.parse(payload);
    expect(command).toMatchObject({ method: 'thing.service.reboot', params: { why: 'grüße' } });
    const reply = JSON.stringify({ id: command.id, code: 200, data: { ok: true } });
    expect((await call(topic('thing/service/reboot_reply', sessionId), reply)).status).toBe(200);
    expect(await answered).toEqual({ status: 200, body: { ok: true } });
  });

  it('a wrong signature, an unknown device and a product that wants TLS are refused alike', async () => {
    const refusals = [
      await auth({ ...e11, sign: E11.replace('5', '6') }),
      await auth({ ...e11, lifetime: 300_001 }),
      await auth({ ...e11, signMethod: 'md5' }),
      await auth(e11, 'nobody'),
      await auth(e11, ENOS.deviceKey, 'pK-none'),
    ];
    const { deviceSecret } = await addDevice(broker, 'tls', 'secure-1');
    const content = `deviceKeysecure-1lifetime1000productKeypK-tlssignMethodsha256${deviceSecret}`;
    const sign = createHash('sha256').update(content).digest('hex');
    refusals.push(await auth({ signMethod: 'sha256', lifetime: 1000, sign }, 'secure-1', 'pK-tls'));
    for (const { status, body } of refusals) {
      expect([status, body]).toEqual([401, { id: '', code: 401, message: 'authentication failed' }]);
    }
  });

  it('a session ends with the deletion of its device, a newer login over MQTT, and silence; topics of others are refused', async () => {
    const sessionId = await login();
    const post = (session: string) => call(topic('thing/log/post', session), '{"id":"1","params":{}}');
    expect((await post(sessionId)).status).toBe(200);
    expect((await call(`/topic/sys/pK11111/other/thing/log/post?sessionId=${sessionId}`, '{}')).status).toBe(404);
    const names = enosNames({ deviceKey: ENOS.deviceKey, secret: ENOS.deviceSecret });
    await using client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    await client.alive();
    expect((await post(sessionId)).body).toMatchObject({ code: 1009 });

    const { id: gone, deviceSecret } = await addDevice(broker, 'rod', 'short-lived');
    const content = `deviceKeyshort-livedlifetime1000productKey${ENOS.productKey}signMethodsha256${deviceSecret}`;
    const sign = createHash('sha256').update(content).digest('hex');
    const short = await auth({ signMethod: 'sha256', lifetime: 1000, sign }, 'short-lived');
    expect(short.body.code).toBe(200);
    await expect
      .poll(
        () =>
          api<{ value: unknown }[]>(
            broker,
            `/api/plugins/telemetry/DEVICE/${gone}/values/attributes/SERVER_SCOPE?keys=lastDisconnectTime`,
          ),
        { timeout: 10_000 },
      )
      .toMatchObject([{ value: expect.any(Number) }]);
    const again = await auth({ signMethod: 'sha256', lifetime: 1000, sign }, 'short-lived');
    await api(broker, `/api/device/${gone}`, { method: 'DELETE' });
    const path = `/topic/sys/${ENOS.productKey}/short-lived/thing/log/post?sessionId=${again.body.data.sessionId}`;
    expect((await call(path, '{"id":"1"}')).status).toBe(401);
    expect(await codeOf(broker, names)).toBe(0);
  });

  it.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['no sign', '{"signMethod":"sha256","lifetime":1000}'],
    ['a lifetime below zero', '{"signMethod":"sha256","lifetime":-1,"sign":"ab"}'],
    ['a sign that is no text', '{"signMethod":"sha256","lifetime":1000,"sign":{}}'],
    ['nothing', ''],
  ])('a login of another form is refused: %s', async (_what, body) => {
    expect((await call(`/auth/${ENOS.productKey}/${ENOS.deviceKey}`, body)).status).toBe(400);
  });
});
