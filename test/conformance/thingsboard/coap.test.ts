import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { type Asked, blockOf, blockValue, CoapPeer, optionOf, said } from '../../helpers/coap-peer.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, newDevice, requestOf } from '../../helpers/system.ts';

const JSON_FORMAT = Buffer.from([50]);
const portOf = ({ ports }: Broker): number => {
  if (ports.coap === undefined) throw new Error('the broker has no CoAP');
  return ports.coap;
};

describe('thingsboard-device-api 6.2 and 2.8: CoAP', () => {
  let broker: Broker;
  let peer: CoapPeer;

  beforeAll(async () => {
    broker = await startBroker({ env: { GRIDMOOR_FREE_REFUSALS: '100000' } });
    peer = await CoapPeer.open(portOf(broker));
  });
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  const post = async (path: string, payload: string | Buffer = '', more: Partial<Asked> = {}) =>
    said(await peer.call({ method: 'POST', path, payload, ...more }));
  const get = async (path: string) => said(await peer.call({ path }));
  const shared = async (name: string, body: unknown) =>
    api(broker, `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE`, { method: 'POST', body });
  /** Sends a body in blocks and gives the answers. */
  async function blocks(path: string, body: Buffer, exponent: number) {
    const size = 16 << exponent;
    const answers = [];
    for (let number = 0; number * size < body.length; number++) {
      const part = body.subarray(number * size, (number + 1) * size);
      const more = (number + 1) * size < body.length;
      const value = blockValue(number, more, exponent);
      answers.push(await peer.call({ method: 'POST', path, payload: part, options: [['Block1', value]] }));
    }
    return answers;
  }

  describe('2.8: provisioning', () => {
    it('2.8: SUCCESS is 2.01 with the credentials, which then work', async () => {
      const [code, text] = await post('/api/v1/provision', requestOf(broker, { deviceName: 'made by coap' }));
      expect(code).toBe('2.01');
      const answer = JSON.parse(text) as { status: string; credentialsType: string; credentialsValue: string };
      expect(answer).toMatchObject({ status: 'SUCCESS', credentialsType: 'ACCESS_TOKEN' });
      expect(await post(`/api/v1/${answer.credentialsValue}/telemetry`, '{"t":1}')).toEqual(['2.01', '']);
      expect(await latest(broker, 'made by coap')).toEqual({ t: '1' });
    });

    it('2.8: NOT_FOUND and FAILURE are 4.00 with the same JSON as over MQTT', async () => {
      expect(await post('/api/v1/provision', requestOf(broker, { provisionDeviceSecret: 'wrong' }))).toEqual([
        '4.00',
        '{"errorMsg":"Provision data was not found!","status":"NOT_FOUND"}',
      ]);
      await newDevice(broker, 'there already');
      expect(await post('/api/v1/provision', requestOf(broker, { deviceName: 'there already' }))).toEqual([
        '4.00',
        '{"errorMsg":"Failed to provision device!","status":"FAILURE"}',
      ]);
    });

    it.each([
      ['nothing', ''],
      ['no JSON', 'nonsense'],
      ['an array', '[]'],
      ['no secret', '{"provisionDeviceKey":"smart-meter"}'],
      ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
    ])('2.8: %s is 4.00, empty', async (_name, payload) => {
      expect(await post('/api/v1/provision', payload)).toEqual(['4.00', '']);
    });

    it('2.8: a request in protobuf is answered in protobuf', async () => {
      // ProvisionDeviceRequestMsg with key (1) and secret (2) in its field 4 alone.
      const field = (number: number, bytes: Buffer) =>
        Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
      const keys = Buffer.concat([field(1, Buffer.from('smart-meter')), field(2, Buffer.from('wrong'))]);
      const [code, text] = await post('/api/v1/provision', field(4, keys));
      expect([code, text.startsWith('{')]).toEqual(['4.00', false]);
    });
  });

  describe('6.2: telemetry, attributes, claims', () => {
    it('6.2: telemetry is 2.01 once it is stored, whatever its form', async () => {
      const token = await newDevice(broker, 'c1');
      expect(await post(`/api/v1/${token}/telemetry`, '{"big":9223372036854775807,"f":42.0}')).toEqual(['2.01', '']);
      expect(await latest(broker, 'c1')).toEqual({ big: '9223372036854775807', f: '42.0' });
      const timed = '[{"ts":1700000000000,"values":{"a":1}},{"ts":1700000000001,"values":{"a":2}}]';
      expect(await post(`/api/v1/${token}/telemetry`, timed, { confirmable: false })).toEqual(['2.01', '']);
      expect(await latest(broker, 'c1')).toMatchObject({ a: '2' });
      expect(await post(`/api/v1/${token}/telemetry`, '{}')).toEqual(['2.01', '']);
    });

    it.each([
      ['nothing', ''],
      ['cut JSON', '{"a":'],
      ['a number', '5'],
      ['deep nesting', `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`],
      ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ])('6.2: %s as telemetry is 4.00 with a reason', async (name, payload) => {
      const token = await newDevice(broker, `bad ${name}`, `bad-${name.replaceAll(/\W/g, '-')}-0123456789`);
      const [code, reason] = await post(`/api/v1/${token}/telemetry`, payload);
      expect(code).toBe('4.00');
      expect(reason).toMatch(/\w/);
    });

    it('6.2: a wrong token, an empty one and none are 4.01, empty', async () => {
      for (const path of [
        '/api/v1/nobody/telemetry',
        '/api/v1//telemetry',
        '/api/v1/telemetry',
        '/api/v1/attributes',
      ]) {
        expect([path, await post(path, '{"a":1}')]).toEqual([path, ['4.01', '']]);
      }
      expect(await get('/fw')).toEqual(['4.01', '']);
    });

    it('6.2: client attributes are stored, and read by key; nothing found is 4.04', async () => {
      const token = await newDevice(broker, 'c2');
      expect(await post(`/api/v1/${token}/attributes`, '{"serial":"0012","v":42.0,"b":true}')).toEqual(['2.01', '']);
      expect(await attributes(broker, 'c2', 'CLIENT_SCOPE')).toMatchObject({ serial: '0012', b: true });
      await shared('c2', { s: 5 });
      const answer = await peer.call({ path: `/api/v1/${token}/attributes?clientKeys=v,serial&sharedKeys=s` });
      expect(said(answer)).toEqual(['2.05', '{"client":{"serial":"0012","v":42.0},"shared":{"s":5}}']);
      expect(optionOf(answer, 'Content-Format')).toEqual(JSON_FORMAT);
      expect(await get(`/api/v1/${token}/attributes?sharedKeys=s`)).toEqual(['2.05', '{"shared":{"s":5}}']);
      expect(await get(`/api/v1/${token}/attributes?clientKeys=unknown`)).toEqual(['4.04', '']);
      expect((await get(`/api/v1/${token}/attributes`))[1]).toContain('"b":true');
    });

    it('6.2: a claim is 2.01, also an empty one; an array is 4.00', async () => {
      const token = await newDevice(broker, 'c3');
      expect(await post(`/api/v1/${token}/claim`, '{"secretKey":"s","durationMs":60000}')).toEqual(['2.01', '']);
      expect(await post(`/api/v1/${token}/claim`)).toEqual(['2.01', '']);
      expect((await post(`/api/v1/${token}/claim`, '[]'))[0]).toBe('4.00');
    });

    it('6.2: paths that are not offered are 4.04, other methods 4.05', async () => {
      const token = await newDevice(broker, 'c4');
      for (const path of [
        '/',
        '/api',
        '/api/v1',
        `/api/v1/${token}`,
        `/api/v1/${token}/nothing`,
        '/.well-known/core',
      ]) {
        expect([path, (await get(path))[0]]).toEqual([path, '4.04']);
      }
      expect((await get(`/api/v1/${token}/telemetry/more`))[0]).toBe('4.04');
      expect((await get(`/api/v1/${token}/telemetry`))[0]).toBe('4.05');
      expect((await get('/api/v1/provision'))[0]).toBe('4.05');
      expect((await peer.call({ method: 'DELETE', path: `/api/v1/${token}/attributes` })).code).toBe('4.05');
      expect((await post('/fw/x'))[0]).toBe('4.05');
    });

    it('6.2: one value is stored alike over MQTT, HTTP and CoAP', async () => {
      const body = '{"a":9007199254740993,"b":"007","c":1.50}';
      const tokens = await Promise.all(
        ['same mqtt', 'same http', 'same coap'].map((name, i) => newDevice(broker, name, `same-token-${i}-0123456789`)),
      );
      const [mqtt = '', http = '', coap = ''] = tokens;
      await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: mqtt });
      await client.publish('v1/devices/me/telemetry', body);
      await fetch(`${broker.url}/api/v1/${http}/telemetry`, { method: 'POST', body });
      await post(`/api/v1/${coap}/telemetry`, body);
      const stored = await latest(broker, 'same mqtt');
      expect(Object.keys(stored).sort()).toEqual(['a', 'b', 'c']);
      expect(await latest(broker, 'same http')).toEqual(stored);
      expect(await latest(broker, 'same coap')).toEqual(stored);
    });
  });

  describe('options and blocks', () => {
    it('critical options that are not understood are 4.02, without an acknowledgement wanted nothing; others are let be', async () => {
      const token = await newDevice(broker, 'o1');
      const path = `/api/v1/${token}/telemetry`;
      const option = (name: string, value: string | Buffer) => ({
        options: [[name, value]] as const,
        payload: '{"a":1}',
      });
      expect((await post(path, '{"a":1}', option('If-None-Match', '')))[0]).toBe('4.02');
      expect((await post(path, '{"a":1}', option('65001', 'x')))[0]).toBe('4.02');
      expect(
        (
          await post(path, '{"a":1}', {
            options: [
              ['Content-Format', JSON_FORMAT],
              ['Content-Format', JSON_FORMAT],
            ],
          })
        )[0],
      ).toBe('2.01');
      expect(
        (
          await post(path, '{"a":1}', {
            options: [
              ['Accept', JSON_FORMAT],
              ['Accept', JSON_FORMAT],
            ],
          })
        )[0],
      ).toBe('4.02');
      expect((await post(path, '{"a":1}', option('65000', 'x')))[0]).toBe('2.01');
      expect((await post(path, '{"a":1}', option('Proxy-Uri', 'coap://example.org/')))[0]).toBe('5.05');
      await peer.ask({ method: 'POST', path, payload: '{}', confirmable: false, options: [['65001', 'x']] });
      expect(
        (
          await post(path, '{"a":1}', {
            options: [
              ['Accept', Buffer.from([50])],
              ['Uri-Host', 'x'],
            ],
          })
        )[0],
      ).toBe('2.01');
      expect(peer.unread).toBe(0);
    });

    it('a path that is no UTF-8 is 4.00', async () => {
      expect(
        (await peer.call({ method: 'POST', path: '/api', options: [['Uri-Path', Buffer.from([0xff])]] })).code,
      ).toBe('4.00');
    });

    it.each([0, 2, 6])('telemetry in blocks of 2^(4+%i) bytes is stored as one', async (exponent) => {
      const token = await newDevice(broker, `b1-${exponent}`);
      const text = `{"long":"${'x'.repeat(2_500)}"}`;
      const answers = await blocks(`/api/v1/${token}/telemetry`, Buffer.from(text), exponent);
      const last = answers.pop();
      expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['2.31']));
      expect(answers.map((answer) => blockOf(answer, 'Block1')?.[0])).toEqual(answers.map((_, number) => number));
      expect([last?.code, last && blockOf(last, 'Block1')?.[1]]).toEqual(['2.01', false]);
      expect((await latest(broker, `b1-${exponent}`)).long).toHaveLength(2_500);
    });

    it('a block that is missing is 4.08, one that comes again is taken once', async () => {
      const token = await newDevice(broker, 'b2');
      const path = `/api/v1/${token}/telemetry`;
      const send = (payload: string, number: number, more: boolean) =>
        peer.call({ method: 'POST', path, payload, options: [['Block1', blockValue(number, more, 0)]] });
      expect((await send('{"a":12345678901', 0, true)).code).toBe('2.31');
      expect((await send('}', 2, false)).code).toBe('4.08');
      expect((await send('}', 1, false)).code).toBe('4.08');
      expect((await send('{"a":12345678901', 0, true)).code).toBe('2.31');
      expect((await send('2345,"b":9999999', 1, true)).code).toBe('2.31');
      expect((await send('2345,"b":9999999', 1, true)).code).toBe('2.31');
      expect((await send('}', 2, false)).code).toBe('2.01');
      expect(await latest(broker, 'b2')).toEqual({ a: '123456789012345', b: '9999999' });
    });

    it('blocks that are not of their size, of the reserved size, or of a device without a right token are refused', async () => {
      const token = await newDevice(broker, 'b3');
      const code = async (path: string, payload: string, value: Buffer) =>
        (await peer.call({ method: 'POST', path, payload, options: [['Block1', value]] })).code;
      const path = `/api/v1/${token}/telemetry`;
      expect(await code(path, 'short', blockValue(0, true, 0))).toBe('4.00');
      expect(await code(path, 'x', blockValue(0, true, 7))).toBe('4.00');
      expect(await code('/api/v1/nobody/telemetry', '0123456789abcdef', blockValue(0, true, 0))).toBe('4.01');
    });

    it('a body above the limit is 4.13 that says how much may be, in one message and in blocks', async () => {
      await using small = await startBroker({ env: { COAP_MAX_PAYLOAD_BYTES: '2048' } });
      await using own = await CoapPeer.open(portOf(small));
      const token = await newDevice(small, 'b4');
      const path = `/api/v1/${token}/telemetry`;
      const whole = await own.call({ method: 'POST', path, payload: `{"a":"${'x'.repeat(2_048)}"}` });
      expect([whole.code, optionOf(whole, 'Size1')?.toString('hex')]).toEqual(['4.13', '0800']);
      const codes: string[] = [];
      for (let number = 0; number < 3; number++) {
        const options = [['Block1', blockValue(number, true, 6)]] as const;
        codes.push((await own.call({ method: 'POST', path, payload: Buffer.alloc(1_024, 'x'), options })).code);
      }
      expect(codes).toEqual(['2.31', '2.31', '4.13']);
    });

    it('a long answer comes in blocks of the size that the device names, with one tag', async () => {
      const token = await newDevice(broker, 'b5');
      const text = 'y'.repeat(3_000);
      await post(`/api/v1/${token}/attributes`, `{"long":"${text}"}`);
      for (const exponent of [undefined, 6, 2]) {
        const parts: string[] = [];
        const tags = new Set<string | undefined>();
        for (let number = 0, more = true; more; number++) {
          const wanted =
            exponent === undefined && number === 0
              ? []
              : ([['Block2', blockValue(number, false, exponent ?? 6)]] as const);
          const answer = await peer.call({ path: `/api/v1/${token}/attributes`, options: wanted });
          expect([answer.code, blockOf(answer, 'Block2')?.[0]]).toEqual(['2.05', number]);
          parts.push(answer.payload.toString());
          tags.add(optionOf(answer, 'ETag')?.toString('hex'));
          more = blockOf(answer, 'Block2')?.[1] ?? false;
        }
        expect(parts.join('')).toBe(`{"client":{"long":"${text}"}}`);
        expect(tags.size).toBe(1);
      }
      const past = await peer.call({
        path: `/api/v1/${token}/attributes`,
        options: [['Block2', blockValue(900, false, 6)]],
      });
      expect(past.code).toBe('4.00');
    });
  });

  describe('6.2: firmware and software', () => {
    const upload = async (type: 'FIRMWARE' | 'SOFTWARE', bytes: Buffer, version: string) => {
      const body = { type, title: 'coap fw', version };
      const { id } = await api<{ id: { id: string } }>(broker, '/api/otaPackage', { method: 'POST', body });
      const form = new FormData();
      form.set('file', new Blob([new Uint8Array(bytes)]), 'fw.bin');
      const headers = { 'X-Authorization': `ApiKey ${broker.adminKey}` };
      const url = `${broker.url}/api/otaPackage/${id.id}?checksumAlgorithm=SHA256`;
      expect((await fetch(url, { method: 'POST', headers, body: form })).status).toBe(200);
      return id.id;
    };
    const assign = (name: string, body: Record<string, unknown>) =>
      api(broker, `/api/gridmoor/devices/${name}/ota`, { method: 'POST', body });

    it('6.2: a chunk, the last one, one past the end; a wrong version is 4.00, no package 4.04', async () => {
      const token = await newDevice(broker, 'fw1');
      expect(await get(`/fw/${token}`)).toEqual(['4.04', '']);
      await assign('fw1', { firmware: await upload('FIRMWARE', Buffer.from('0123456789'), '1.0') });
      expect(await get(`/fw/${token}?size=4&chunk=0`)).toEqual(['2.05', '0123']);
      expect(await get(`/fw/${token}?title=coap fw&version=1.0&size=4&chunk=2`)).toEqual(['2.05', '89']);
      expect(await get(`/fw/${token}?size=4&chunk=3`)).toEqual(['2.05', '']);
      expect(await get(`/fw/${token}`)).toEqual(['2.05', '0123456789']);
      expect((await get(`/fw/${token}?version=2.0`))[0]).toBe('4.00');
      expect((await get(`/fw/${token}?size=x`))[0]).toBe('4.00');
      expect((await get(`/fw/${token}?size=65537`))[0]).toBe('4.00');
      expect(await get(`/sw/${token}`)).toEqual(['4.04', '']);
    });

    it('6.2: a whole binary comes block by block, all of the package that it began with', async () => {
      const token = await newDevice(broker, 'fw2');
      const binary = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 7) & 0xff));
      await assign('fw2', { firmware: await upload('FIRMWARE', binary, '2.0') });
      const parts: Buffer[] = [];
      for (let number = 0, more = true; more; number++) {
        const answer = await peer.call({ path: `/fw/${token}`, options: [['Block2', blockValue(number, false, 6)]] });
        expect(answer.code).toBe('2.05');
        parts.push(answer.payload);
        more = blockOf(answer, 'Block2')?.[1] ?? false;
        if (number === 3) await assign('fw2', { firmware: await upload('FIRMWARE', Buffer.from('another'), '2.1') });
      }
      const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
      expect(sha(Buffer.concat(parts))).toBe(sha(binary));
      expect(await get(`/fw/${token}`)).toEqual(['2.05', 'another']);
    });
  });
});
