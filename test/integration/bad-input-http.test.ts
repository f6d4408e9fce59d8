import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, deviceId, newDevice, requestOf } from '../helpers/system.ts';
import { openSocket, statusesOf, talk, until } from './raw-peer.ts';

const SHIPPED_CHAINS = join(import.meta.dirname, '../../rule-chains');
const REQUEST_TIMEOUT_MS = 1_000;
const H = 'Host: x\r\n';

describe('bad input over HTTP', () => {
  let broker: Broker;
  let chainsDir: string;

  beforeAll(async () => {
    chainsDir = await mkdtemp(join(tmpdir(), 'gridmoor-chains-'));
    await cp(join(SHIPPED_CHAINS, 'lookups'), join(chainsDir, 'lookups'), { recursive: true });
    await writeFile(join(chainsDir, 'talkative.json'), JSON.stringify(TALKATIVE));
    broker = await startBroker({
      chainsDir,
      env: {
        HTTP_REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
        GRIDMOOR_FREE_REFUSALS: '1000000',
        LOG_LEVEL: 'trace',
      },
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(chainsDir, { recursive: true });
  });

  const post = (path: string, head: string, body = ''): string => `POST ${path} HTTP/1.1\r\n${H}${head}\r\n${body}`;
  const provision = (head: string, body = ''): string => post('/api/v1/provision', head, body);
  const auth = (): string => `Authorization: Bearer ${broker.adminKey}\r\n`;

  describe('messages that two servers could read differently', () => {
    it.each([
      ['Content-Length beside Transfer-Encoding', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
      ['two Transfer-Encodings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'],
      ['an unknown Transfer-Encoding', 'Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'],
      ['a space before the colon', 'Transfer-Encoding : chunked\r\n', '0\r\n\r\n'],
      ['two Content-Lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n', 'abcde'],
      ['a negative Content-Length', 'Content-Length: -1\r\n', 'a'],
      ['a signed Content-Length', 'Content-Length: +1\r\n', 'a'],
      ['a Content-Length beyond 64 bits', 'Content-Length: 99999999999999999999\r\n', 'a'],
      ['a chunk size that is none', 'Transfer-Encoding: chunked\r\n', 'ZZ\r\n{}\r\n0\r\n\r\n'],
      ['an endless chunk extension', 'Transfer-Encoding: chunked\r\n', `2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`],
      ['a folded header', 'A: b\r\n c\r\nContent-Length: 2\r\n', '{}'],
      ['a NUL in a header', 'A: b\0c\r\nContent-Length: 2\r\n', '{}'],
    ])('%s: 400 and the end, and what follows is no request', async (_what, head, body) => {
      const smuggled = `GET /readyz HTTP/1.1\r\n${H}\r\n`;
      const heard = await talk(broker.ports.http, provision(head, body + smuggled));
      expect(heard.closed).toBe(true);
      expect(statusesOf(heard.text)).toEqual([400]);
    });

    it.each([
      ['line feeds alone', 'POST /api/v1/provision HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}'],
      ['no Host', 'GET /readyz HTTP/1.1\r\n\r\n'],
      ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['an unknown method', `FOO /readyz HTTP/1.1\r\n${H}\r\n`],
      ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex')],
      ['an MQTT CONNECT', Buffer.from('100c00044d5154540402003c0000', 'hex')],
    ])('%s: 400 and the end', async (_what, bytes) => {
      const heard = await talk(broker.ports.http, bytes);
      expect([heard.closed, statusesOf(heard.text)]).toEqual([true, [400]]);
    });

    it('pipelined requests are answered in their order', async () => {
      const requests = [
        `GET /healthz HTTP/1.1\r\n${H}\r\n`,
        provision('Content-Length: 2\r\n', '{}'),
        `GET /nowhere HTTP/1.1\r\n${H}\r\n`,
        `GET /readyz HTTP/1.1\r\n${H}Connection: close\r\n\r\n`,
      ];
      const heard = await talk(broker.ports.http, requests.join(''));
      expect(statusesOf(heard.text)).toEqual([200, 500, 404, 200]);
    });

    it('nothing behind a broken request is read', async () => {
      const good = `GET /healthz HTTP/1.1\r\n${H}\r\n`;
      const heard = await talk(broker.ports.http, `${good}broken\r\n\r\n${good}`);
      expect(heard.closed).toBe(true);
      expect(statusesOf(heard.text).at(-1)).toBe(400);
      expect(heard.text.match(/"status":"up"/g) ?? []).toHaveLength(statusesOf(heard.text).length - 1);
    });
  });

  describe('methods, paths and sizes', () => {
    it.each(['TRACE', 'PATCH', 'PUT', 'DELETE', 'OPTIONS'])('%s of a device path is not offered', async (method) => {
      const heard = await talk(
        broker.ports.http,
        `${method} /api/v1/planted-in-path/telemetry HTTP/1.1\r\n${H}Content-Length: 0\r\n\r\n`,
        { enough: (text) => text.endsWith('}') },
      );
      expect(statusesOf(heard.text)).toEqual([404]);
      expect(heard.text).toContain('NOT_OFFERED');
      expect(heard.text).not.toContain('planted');
    });

    it.each([
      ['/api/v1/%2e%2e/telemetry', 401],
      ['/api/v1/..%2f..%2freadyz/telemetry', 401],
      ['/api/v1/planted%2Fin%2Fpath/telemetry', 401],
      ['/api/v1/planted%00in-path/telemetry', 401],
      ['/api/v1//telemetry', 401],
      [`/api/v1/${'t'.repeat(8_192)}/telemetry`, 401],
      [`/api/v1/${'t'.repeat(8_193)}/telemetry`, 414],
      [`/api/v1/${'t'.repeat(20_000)}/telemetry`, 431],
      ['/api/v1/planted%ff/telemetry', 400],
      ['/api/v1/planted%/telemetry', 400],
      ['/api/v1/../../readyz', 404],
    ])('path %#: the answer is the right one, and does not repeat it', async (path, status) => {
      const heard = await talk(broker.ports.http, post(path, 'Connection: close\r\nContent-Length: 2\r\n', '{}'));
      expect(statusesOf(heard.text)).toEqual([status]);
      expect(heard.text).not.toContain('planted');
    });

    it('10 MB are refused as soon as they are announced, on the device API and on the management API', async () => {
      const big = 'Connection: close\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n';
      for (const request of [provision(big, '{'), post('/api/gridmoor/suppliers', `${auth()}${big}`, '{')]) {
        const heard = await talk(broker.ports.http, request);
        expect([heard.closed, statusesOf(heard.text)]).toEqual([true, [413]]);
      }
    });

    it('requests that do not arrive are ended in time; others are served meanwhile', async () => {
      const { http } = broker.ports;
      const drip = { drip: Buffer.alloc(200, 0x61), dripMs: 150, deadlineMs: REQUEST_TIMEOUT_MS + 6_000 };
      const slow = [
        talk(http, '', drip),
        talk(http, `GET /readyz HTTP/1.1\r\n${H}A: `, drip),
        talk(http, provision('Content-Length: 9999\r\n'), drip),
        talk(http, provision('Transfer-Encoding: chunked\r\n', '270f\r\n'), drip),
      ];
      const idle = await Promise.all(Array.from({ length: 500 }, () => openSocket(http)));
      expect((await fetch(`${broker.url}/readyz`)).status).toBe(200);
      expect((await Promise.all(slow)).map(({ closed }) => closed)).toEqual([true, true, true, true]);
      await Promise.all(
        idle.map((socket) => socket.resume().closed || new Promise((done) => socket.once('close', done))),
      );
      expect((await fetch(`${broker.url}/readyz`)).status).toBe(200);
    });
  });

  describe('the management API', () => {
    const ask = async (path: string, body: unknown, type = 'application/json') => {
      const response = await fetch(`${broker.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${broker.adminKey}`, 'content-type': type },
        body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      });
      return { status: response.status, text: await response.text() };
    };
    const suppliers = '/api/gridmoor/suppliers';
    const devices = '/api/gridmoor/devices';
    const name = 'x';
    const profile = 'smart-meter';

    it.each([
      [suppliers, '{"name":"x","__proto__":{"name":"y"}}', '__proto__'],
      [suppliers, { name: { a: 1 } }, 'name'],
      [suppliers, { name: ['x'] }, 'name'],
      [suppliers, {}, 'name'],
      [suppliers, { name: ' ' }, 'name'],
      [suppliers, { name: 'x'.repeat(256) }, 'name'],
      [suppliers, { name: '<script>alert(1)</script>' }, 'name'],
      [suppliers, { name: 'a\u001b[2Jb' }, 'name'],
      [suppliers, { name: 'a\u009b2Jb' }, 'name'],
      [suppliers, { name: 'a\r\nb' }, 'name'],
      [suppliers, { name, secretKey: 'planted-short' }, 'secretKey'],
      [suppliers, { name, secretKey: 'planted-key-0123456789\nwith-two-lines' }, 'secretKey'],
      [suppliers, { name, secretKey: 'p'.repeat(40) }, 'secretKey'],
      [suppliers, { name, secretkey: 'planted-key-0123456789' }, 'secretkey'],
      [devices, { name, profile: 'no-such' }, 'profile'],
      [devices, { name, profile: '__proto__' }, 'profile'],
      [devices, { name, profile, label: 'x'.repeat(100_000) }, 'label'],
      [devices, { name, profile, label: '<img src=x>' }, 'label'],
      [devices, { name, profile, credentials: { type: 'ACCESS_TOKEN', token: 'planted\u0000' } }, 'credentials'],
      [devices, { name, profile, credentials: { type: 'NOPE' } }, 'credentials/type'],
      [devices, { name, profile, keepSealed: 'yes' }, 'keepSealed'],
      ['/api/gridmoor/api-keys', { name, ttlSeconds: 1e300 }, 'ttlSeconds'],
    ])('%s, body %#: 400 that names the field', async (path, body, at) => {
      const { status, text } = await ask(path, body);
      expect([status, (JSON.parse(text) as { at?: string }).at]).toEqual([400, at]);
      expect(text).not.toMatch(/planted|\n {4}at /);
    });

    it.each([
      ['nested 100,000 deep', '['.repeat(100_000)],
      ['with 20,000 keys', `{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":1`).join(',')}}`],
      ['in UTF-16', Buffer.from('{"name":"x"}', 'utf16le')],
      ['that is XML', '<supplier name="planted"/>'],
      ['with a lone surrogate', '{"name":"\\ud800"}'],
    ] as const)('a body %s: 400 that says where', async (_what, body) => {
      const { status, text } = await ask(suppliers, body);
      expect([status, (JSON.parse(text) as { detail: string }).detail]).toEqual([
        400,
        expect.stringMatching(/the body is not JSON: .* \(byte \d+\)/),
      ]);
      expect(text).not.toContain('planted');
    });

    // text/plain is read as JSON: ThingsBoard's generated client sends it so.
    it.each(['application/xml', 'multipart/form-data; boundary=x'])(
      'a body of type %s is refused, not guessed at',
      async (type) => {
        expect((await ask(suppliers, '{"name":"by-type"}', type)).status).toBeGreaterThanOrEqual(400);
      },
    );

    it('a grid of a device cannot be called what no screen can show', async () => {
      await newDevice(broker, 'grid-name');
      await ask(suppliers, { name: 'Of the grid' });
      const move = { supplier: 'Of the grid', supplyPoint: 'ES0390000000000042XY' };
      for (const grid of [
        { code: 'g', name: 'x'.repeat(100_000) },
        { code: '\u001b[2J', name: 'g' },
      ]) {
        const { status, text } = await ask('/api/gridmoor/attachments/grid-name/move', { ...move, grid });
        expect([status, (JSON.parse(text) as { at?: string }).at]).toEqual([400, 'grid']);
      }
    });

    it('a key in two headers, of other bytes, or too long is none', async () => {
      for (const head of [
        `${auth()}X-Authorization: ApiKey planted-other\r\n`,
        'Authorization: Bearer planted-\xff\xfe\r\n',
        `Authorization: Bearer ${'p'.repeat(5_000)}\r\n`,
        'Authorization: Basic cGxhbnRlZA==\r\n',
      ]) {
        const request = Buffer.from(
          `GET /api/gridmoor/status HTTP/1.1\r\n${H}Connection: close\r\n${head}\r\n`,
          'latin1',
        );
        const heard = await talk(broker.ports.http, request);
        expect(statusesOf(heard.text)).toEqual([401]);
        expect(heard.text).not.toContain('planted');
      }
    });
  });

  it('an unknown provision key and a wrong secret get the same answer, headers and order too', async () => {
    const answer = async (fields: Record<string, string>): Promise<string> => {
      const body = requestOf(broker, { deviceName: 'guess', ...fields });
      const head = `Connection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
      return (await talk(broker.ports.http, provision(head, body))).text.replace(/^date: .*$/im, '');
    };
    const wrongSecret = await answer({ provisionDeviceSecret: 'a-wrong-secret-0123456789' });
    expect(wrongSecret).toContain('NOT_FOUND');
    expect(await answer({ provisionDeviceKey: 'smart-metes' })).toBe(wrongSecret);
    expect(await answer({ provisionDeviceKey: '', provisionDeviceSecret: '' })).toBe(wrongSecret);
  });

  it('no supplier key, mistyped or misplaced, and no whole supply point is in a log, dead letter, audit or metric', async () => {
    const key = 'planted-supplier-key-0123456789';
    const code = 'ES0021000012345678LB';
    const spaced = 'es 0021 0000 1234 5678 lb';
    await api(broker, '/api/gridmoor/suppliers', { method: 'POST', body: { name: 'Talkative', secretKey: key } });
    const userName = await newDevice(broker, 'ES0022000008546387RB');
    const id = await deviceId(broker, 'ES0022000008546387RB');
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName });
    const bodies: Record<string, unknown>[] = [
      { Power_supplier_secret_key: key, CUPS: code },
      { dead: 1, CUPS: code, Power_supplier_secret_key: key },
      { dead: 1, CUPS: code + ' '.repeat(60), note: `the code is ${code}, ${spaced}`, [code]: 1 },
      {
        dead: 1,
        CUPS: [code],
        list: [spaced],
        deep: { Power_supplier_secret_key: key, power_supplier_secret_key: [key] },
      },
      { dead: 1, CUPS: 'ES0021000012345678LX', 'Power_supplier_secret_key ': key, powerSupplierSecretKey: key },
      { CUPS: `${code}x`, POWER_SUPPLIER_SECRET_KEY: key, 'Power-Supplier-Secret-Key': [key] },
    ];
    for (const body of bodies) await client.publish('v1/devices/me/attributes', JSON.stringify(body));
    await client.publish('v1/devices/me/telemetry', JSON.stringify(bodies));
    const letters = await api<{ data: { id: string }[] }>(broker, '/api/gridmoor/dead-letters');
    expect(letters.data.length).toBeGreaterThanOrEqual(4);
    const places: Record<string, string> = {
      metrics: await (await fetch(`${broker.url}/metrics`)).text(),
      readyz: await (await fetch(`${broker.url}/readyz`)).text(),
      status: JSON.stringify(await api(broker, '/api/gridmoor/status')),
      audit: JSON.stringify(await api(broker, '/api/gridmoor/audit?pageSize=1000')),
      attributes: JSON.stringify(
        (
          await api<{ key: string; value: unknown }[]>(broker, `/api/plugins/telemetry/DEVICE/${id}/values/attributes`)
        ).filter(({ key: name }) => !['CUPS', 'onboarding'].includes(name)),
      ),
    };
    for (const letter of letters.data) {
      const { originator: _, ...shown } = await api<Record<string, unknown>>(
        broker,
        `/api/gridmoor/dead-letters/${encodeURIComponent(letter.id)}`,
      );
      places[`letter ${letter.id}`] = JSON.stringify(shown);
    }
    await client.publish('v1/devices/me/telemetry', '{"last":1}');
    await until('the last line', () => broker.stdout.find((line) => line.includes('"last":1')));
    places.log = [...broker.stdout, ...broker.stderr].join('\n');
    const wanted = /planted|ES0021000012345678|ES0022000008546387|es 0021 0000/;
    const hits = Object.entries(places).flatMap(([place, text]) =>
      wanted.test(text) ? [`${place}: ${wanted.exec(text)}`] : [],
    );
    expect(hits).toEqual([]);
    expect(places.log).toContain('ES0022…RB#');
  });
});

/** A root chain that writes down and fails whatever it can. */
const TALKATIVE = {
  name: 'talkative',
  root: true,
  first: 'say',
  nodes: {
    say: { kind: 'action/log', config: { text: 'saw ${deviceName}', data: true }, to: { Success: 'is-dead' } },
    'is-dead': { kind: 'filter/check-fields', config: { msg: ['dead'] }, to: { True: 'dead', False: 'by-type' } },
    dead: { kind: 'flow/dead-letter', config: { reason: 'no good: $[CUPS] of ${deviceName}' } },
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: { 'Post attributes': 'cups', 'Post telemetry': 'series' },
    },
    cups: { kind: 'onboard/supply-point', to: { Valid: 'supplier', Invalid: 'keep' } },
    supplier: { kind: 'onboard/find-supplier', to: { Found: 'grid', 'Not found': 'keep', 'Rate limited': 'keep' } },
    grid: { kind: 'onboard/find-grid', to: { Found: 'attach', Unknown: 'attach' } },
    attach: {
      kind: 'onboard/attach',
      to: { Attached: 'keep', 'Already attached': 'keep', Moved: 'keep', Conflict: 'keep' },
    },
    keep: { kind: 'action/save-attributes', config: { scope: 'CLIENT_SCOPE' } },
    series: { kind: 'action/save-telemetry' },
  },
};
