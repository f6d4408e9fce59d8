import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/observe/index.ts';
import { createHttpFront, HTTP_FRONT_DEFAULTS } from '../../../src/transport/http/server.ts';
import { type Harness, PROVISION_SECRET, startHarness } from '../../admin/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const post = (url: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
  harness.inject({ method: 'POST', url, payload, headers });
const provision = (body: unknown) => post('/api/v1/provision', JSON.stringify(body));

describe('telemetry', () => {
  it('is 200 with an empty body, and stored', async () => {
    const device = await harness.device('t1');
    const answer = await post('/api/v1/token-of-t1/telemetry', '{"t":21.5,"big":9223372036854775807}');
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
    const latest = await harness.core.storage.telemetry.latest(device.id);
    expect(String(latest.get('big')?.value)).toBe('9223372036854775807');
  });

  it('is taken whatever Content-Type is named, or none', async () => {
    await harness.device('t2');
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', 'application/json; charset=x']) {
      const answer = await post('/api/v1/token-of-t2/telemetry', '{"a":1}', { 'content-type': type });
      expect([type, answer.statusCode]).toEqual([type, 200]);
    }
    expect((await post('/api/v1/token-of-t2/telemetry', '{"a":1}')).statusCode).toBe(200);
  });

  it('case 76: {} is 200, an unknown token is 401 with an empty body, invalid JSON is 500 with the parser message', async () => {
    await harness.device('t3');
    expect((await post('/api/v1/token-of-t3/telemetry', '{}')).statusCode).toBe(200);
    const unknown = await post('/api/v1/no-such-token/telemetry', '{}');
    expect([unknown.statusCode, unknown.body]).toEqual([401, '']);
    const invalid = await post('/api/v1/token-of-t3/telemetry', '{"a":');
    expect(invalid.statusCode).toBe(500);
    expect(invalid.body).toMatch(/\w/);
    expect(invalid.headers['content-type']).toContain('text/plain');
  });

  it.each([
    ['an empty body', ''],
    ['a number', '5'],
    ['null', 'null'],
    ['an array of numbers', '[1]'],
    ['deep nesting', `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ])('%s is 500', async (name, payload) => {
    await harness.device(`bad ${name}`, `bad-${name.replaceAll(' ', '-')}`);
    expect((await post(`/api/v1/bad-${name.replaceAll(' ', '-')}/telemetry`, payload)).statusCode).toBe(500);
  });

  it('an empty array is 200 at once', async () => {
    await harness.device('t4');
    expect((await post('/api/v1/token-of-t4/telemetry', '[]')).statusCode).toBe(200);
  });

  it('a key __proto__ is stored as a key and changes nothing else', async () => {
    const device = await harness.device('t5');
    expect((await post('/api/v1/token-of-t5/telemetry', '{"__proto__":{"polluted":1}}')).statusCode).toBe(200);
    const latest = await harness.core.storage.telemetry.latest(device.id);
    expect([...latest.keys()]).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('more than 65,536 bytes are 413', async () => {
    await harness.device('t6');
    const fits = `{"a":"${'x'.repeat(65_536 - 8)}"}`;
    expect((await post('/api/v1/token-of-t6/telemetry', fits)).statusCode).toBe(200);
    expect((await post('/api/v1/token-of-t6/telemetry', `${fits} `)).statusCode).toBe(413);
  });

  it('beyond the rate limit of the profile is 500', async () => {
    await harness.device('limited-1');
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++)
      statuses.push((await post('/api/v1/token-of-limited-1/telemetry', '{"a":1}')).statusCode);
    expect(statuses).toEqual([200, 200, 500]);
  });
});

describe('attributes', () => {
  it('that were posted can be read at once, in their exact form', async () => {
    await harness.device('a1');
    const answer = await post('/api/v1/token-of-a1/attributes', '{"serial":"0012","v":42.0,"none":null}');
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
    const read = await harness.inject({ url: '/api/v1/token-of-a1/attributes' });
    expect(read.headers['content-type']).toContain('application/json');
    expect(read.body).toBe('{"client":{"serial":"0012","v":42.0}}');
  });

  it('are read by key list; repeated parameters are joined', async () => {
    const device = await harness.device('a2');
    await post('/api/v1/token-of-a2/attributes', '{"a":1,"b":2,"c":3}');
    await harness.core.deviceApi.saveAttributes(device.id, 'SHARED_SCOPE', { s: true });
    const read = async (query: string) =>
      (await harness.inject({ url: `/api/v1/token-of-a2/attributes${query}` })).body;
    expect(await read('?clientKeys=a,c')).toBe('{"client":{"a":1,"c":3}}');
    expect(await read('?clientKeys=a&clientKeys=b&sharedKeys=s')).toBe('{"client":{"a":1,"b":2},"shared":{"s":true}}');
    expect(await read('?clientKeys=unknown')).toBe('{}');
    expect(await read('?clientKeys=&sharedKeys=s')).toBe('{"shared":{"s":true}}');
  });

  it('of an unknown token are 401', async () => {
    expect((await harness.inject({ url: '/api/v1/nobody/attributes' })).statusCode).toBe(401);
  });

  it('as an array are 500', async () => {
    await harness.device('a3');
    expect((await post('/api/v1/token-of-a3/attributes', '[{"a":1}]')).statusCode).toBe(500);
  });
});

describe('provisioning', () => {
  const keys = { provisionDeviceKey: 'smart-meter', provisionDeviceSecret: PROVISION_SECRET };

  it('gives credentials that log in', async () => {
    const answer = await provision({ ...keys, deviceName: 'p1' });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ status: 'SUCCESS', credentialsType: 'ACCESS_TOKEN' });
    const token: string = answer.json().credentialsValue;
    expect((await post(`/api/v1/${token}/telemetry`, '{"a":1}')).statusCode).toBe(200);
  });

  it('case 37: a wrong secret is 200 with NOT_FOUND', async () => {
    const answer = await provision({ ...keys, provisionDeviceSecret: 'wrong', deviceName: 'p2' });
    expect([answer.statusCode, answer.body]).toEqual([
      200,
      '{"errorMsg":"Provision data was not found!","status":"NOT_FOUND"}',
    ]);
  });

  it('a name that exists is 200 with FAILURE', async () => {
    await provision({ ...keys, deviceName: 'p3' });
    const answer = await provision({ ...keys, deviceName: 'p3' });
    expect([answer.statusCode, answer.json().status]).toEqual([200, 'FAILURE']);
  });

  it.each([
    ['malformed JSON', '{"provisionDeviceKey"'],
    ['an array', '[]'],
    ['no secret', '{"provisionDeviceKey":"smart-meter"}'],
    ['nothing', ''],
  ])('%s is 500', async (_name, payload) => {
    expect((await post('/api/v1/provision', payload)).statusCode).toBe(500);
  });
});

/** Sends text on a connection of its own and gives all that came until it was closed. */
const exchange = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });

describe('the server', () => {
  it('ends a request that does not arrive', async () => {
    const log = createLog({ level: 'silent' });
    const front = createHttpFront(
      { ...HTTP_FRONT_DEFAULTS, host: '127.0.0.1', port: 0, requestTimeoutMs: 200 },
      { deviceApi: harness.core.deviceApi, log },
    );
    const { port } = await front.listen();
    expect(await exchange(port, 'GET /api/v1/x/attributes HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toContain('408 ');
    await front.close();
  });

  it('says that a port is taken', async () => {
    const log = createLog({ level: 'silent' });
    const deps = { deviceApi: harness.core.deviceApi, log };
    const first = createHttpFront({ ...HTTP_FRONT_DEFAULTS, host: '127.0.0.1', port: 0 }, deps);
    const { port } = await first.listen();
    const second = createHttpFront({ ...HTTP_FRONT_DEFAULTS, host: '127.0.0.1', port }, deps);
    await expect(second.listen()).rejects.toThrow(`cannot listen on HTTP 127.0.0.1:${port}: EADDRINUSE`);
    await second.close();
    await first.close();
  });

  it('answers a path that is not offered with a problem, also with a broken body', async () => {
    for (const url of ['/api/nowhere', '/', '/api/v1/some-token/nothing']) {
      const answer = await post(url, '{', { 'content-type': 'application/json' });
      expect([url, answer.statusCode]).toEqual([url, 404]);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json()).toMatchObject({ code: 'NOT_OFFERED', status: 404, type: 'about:blank' });
    }
  });

  it('gives the members of an error at ThingsBoard on its paths only', async () => {
    const members = async (url: string) => {
      const { message, errorCode, timestamp, status } = (await harness.inject({ url })).json();
      return { message, errorCode, recent: Math.abs(Date.now() - timestamp) < 60_000, status };
    };
    const message = 'This path is not offered.';
    expect(await members('/api/nowhere')).toEqual({ message, errorCode: 32, recent: true, status: 404 });
    expect(await members('/api/tenant/devices')).toMatchObject({ errorCode: 10, recent: true, status: 401 });
    for (const url of ['/nowhere', '/api/v1/token/nothing', '/api/gridmoor/nowhere']) {
      expect(await members(url)).toEqual({ recent: false, status: 404 });
    }
  });

  it('answers a path that is no percent-encoded UTF-8 with 400, without echoing it', async () => {
    const answer = await harness.inject({ url: '/api/v1/%zz%ff/attributes' });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).not.toContain('%zz');
  });

  it('logs the route of a request, never the token in its path', async () => {
    await harness.device('log1', 'very-secret-token-1');
    await post('/api/v1/very-secret-token-1/telemetry', '{"a":1}');
    await post('/api/v1/very-secret-token-1/telemetry', '{');
    await post('/api/v1/very-secret-token-2/telemetry', '{}');
    await harness.inject({ url: '/api/v1/very-secret-token-1/%zz' });
    await harness.inject({ url: '/api/v1/very-secret-token-1/nowhere?key=very-secret-token-1' });
    const text = harness.logLines.join('');
    expect(text).not.toContain('very-secret-token');
    expect(text).toContain('"route":"/api/v1/:token/telemetry"');
  });

  it('takes requests on a real port, survives bytes that are no HTTP, and closes with connections open', async () => {
    const own = await startHarness();
    const { port } = await own.front.listen();
    await own.device('net1');
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/token-of-net1/telemetry`, {
      method: 'POST',
      body: '{"a":1}',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('server')).toBeNull();
    const raw = await exchange(port, '\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\r\n\r\n');
    expect(raw).toContain('400 Bad Request');
    const huge = await exchange(
      port,
      'POST /api/v1/x/telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n',
    );
    expect(huge).toContain('413 ');
    const idle = connect(port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    const closed = new Promise((resolve) => idle.once('close', resolve));
    idle.on('error', () => {});
    await own[Symbol.asyncDispose]();
    await closed;
  });

  it('hangs up on a peer that keeps guessing while its answers are held back', async () => {
    const own = await startHarness({ free: 0, baseMs: 60_000, maxMs: 60_000 });
    const fates: Promise<number | string>[] = [];
    const { port } = await own.front.listen();
    let hungUp = 0;
    const allHungUp = new Promise<void>((resolve) => {
      const hear = (): void => {
        if (++hungUp === 60) resolve();
      };
      for (let i = 0; i < 260; i++) {
        fates.push(
          fetch(`http://127.0.0.1:${port}/api/v1/guess-${i}/telemetry`, { method: 'POST', body: '{}' }).then(
            (answer) => answer.status,
            () => {
              hear();
              return 'hung up';
            },
          ),
        );
      }
    });
    await allHungUp;
    own.core.guessPause.close();
    const ends = await Promise.all(fates);
    expect(ends.filter((end) => end === 401)).toHaveLength(200);
    expect(ends.filter((end) => end === 'hung up')).toHaveLength(60);
    await own[Symbol.asyncDispose]();
  });
});
