import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseJson } from '../../../../src/model/json.ts';
import { Secret } from '../../../../src/model/secret.ts';
import { failed } from '../../../../src/rules/failure.ts';
import { http } from '../../../../src/rules/nodes/external/http.ts';
import { bodyText } from '../../../../src/rules/outside/index.ts';
import { compileSchema } from '../../../../src/schema/validate.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A service on a free port, and what it was asked. */
async function service(answer: (response: ServerResponse, seen: Seen) => void) {
  const seen: Seen[] = [];
  const server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    const one = { method, url, headers, body };
    seen.push(one);
    answer(response, one);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function node(config: object, allowedHosts = ['127.0.0.1']) {
  const made = makeNode('external/http', config, { allowedHosts });
  closing.push(made.close);
  return async (msg = testMsg()) => {
    try {
      return await made.run(msg);
    } catch (error) {
      return failed(msg, error);
    }
  };
}

describe('external/http', () => {
  it('sends the body as it came and goes on with the answer, exact numbers included', async () => {
    const { seen, url } = await service((response) => {
      response.setHeader('x-trace', 'abc');
      response.end('{"id":9007199254740993,"ok":true}');
    });
    const text = '{"power":42.0}';
    const parsed = parseJson(text, { maxDepth: 4 });
    if (!parsed.ok) throw new Error('bad test');
    const result = await node({ restEndpointUrlPattern: `${url}/m/${'${deviceName}'}` })(
      testMsg({ data: parsed.value, text, metadata: { deviceName: 'meter 1/..?x' } }),
    );
    expect(seen).toMatchObject([{ method: 'POST', url: '/m/meter%201%2F..%3Fx', body: text }]);
    expect(seen[0]?.headers['content-type']).toBe('application/json');
    expect(result.relation).toBe('Success');
    expect(bodyText(result.msg)).toBe('{"id":9007199254740993,"ok":true}');
    expect(result.msg.metadata).toMatchObject({
      statusCode: '200',
      status: 'OK',
      statusReason: 'OK',
      'x-trace': 'abc',
    });
  });

  it('leaves secrets out of the body and refuses them in the URL', async () => {
    const { seen, url } = await service((response) => response.end());
    const msg = testMsg({ data: { key: new Secret('hush'), model: 'GW-1' } });
    expect((await node({ restEndpointUrlPattern: url })(msg)).relation).toBe('Success');
    expect(seen[0]?.body).toBe('{"model":"GW-1"}');
    const result = await node({ restEndpointUrlPattern: `${url}/$[key]` })(msg);
    expect(result).toMatchObject({ relation: 'Failure', msg: { metadata: { error: '$[key] is a secret' } } });
    expect(seen).toHaveLength(1);
  });

  it('escapes values in a body template', async () => {
    const { seen, url } = await service((response) => response.end());
    const config = { restEndpointUrlPattern: url, requestBodyTemplate: '{"name":"$[name]"}' };
    await node(config)(testMsg({ data: { name: 'a"b\\\n' } }));
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ name: 'a"b\\\n' });
  });

  it('names itself with a password that no result holds', async () => {
    const { seen, url } = await service((response) => response.writeHead(401).end('who?'));
    const credentials = { type: 'basic', username: 'grid', password: 'hush hush' };
    const result = await node({ restEndpointUrlPattern: url, credentials })();
    expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from('grid:hush hush').toString('base64')}`);
    expect(result).toMatchObject({
      relation: 'Failure',
      msg: { metadata: { error: 'the service answered 401 Unauthorized', error_body: 'who?', statusCode: '401' } },
    });
    expect(JSON.stringify(result)).not.toContain('hush');
  });

  it('does not follow a redirect', async () => {
    const { seen, url } = await service((response) => response.writeHead(302, { location: '/other' }).end());
    expect(await node({ restEndpointUrlPattern: url })()).toMatchObject({ relation: 'Failure' });
    expect(seen).toHaveLength(1);
  });

  it('takes an answer that is no JSON as a text', async () => {
    const { url } = await service((response) => response.end('plain words'));
    expect((await node({ restEndpointUrlPattern: url })()).msg.data).toBe('plain words');
  });

  it('reaches no address of this machine or its network unless it is allowed', async () => {
    const { seen, url } = await service((response) => response.end());
    const { port } = new URL(url);
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '127.1']) {
      const result = await node({ restEndpointUrlPattern: `http://${host}:${port}/` }, [])();
      expect(result.relation, host).toBe('Failure');
      expect(result.msg.metadata.error, host).toMatch(/not a public address/);
    }
    expect(seen).toEqual([]);
  });

  it.each(['file:///etc/passwd', 'ftp://a.example/', 'http://u:p@a.example/', 'no url', ''])(
    'calls no %j',
    async (url) => {
      const result = await node({ restEndpointUrlPattern: '${url}' })(testMsg({ metadata: { url } }));
      expect(result.relation).toBe('Failure');
    },
  );

  it('gives up an answer that is too large or too late', async () => {
    const large = await service((response) => response.end('x'.repeat(5_000)));
    const config = { restEndpointUrlPattern: large.url, maxInMemoryBufferSizeInKb: 1 };
    const error = 'the answer is larger than 1 KiB (maxInMemoryBufferSizeInKb)';
    expect(await node(config)()).toMatchObject({ relation: 'Failure', msg: { metadata: { error } } });
    const late = await service(() => {});
    const slow = await node({ restEndpointUrlPattern: late.url, readTimeoutMs: 50 })();
    expect(slow).toMatchObject({
      relation: 'Failure',
      msg: { metadata: { error: 'no answer in 50 ms (readTimeoutMs)' } },
    });
  });

  it('fails further messages while every place is taken', async () => {
    const waiting: ServerResponse[] = [];
    const { url } = await service((response) => waiting.push(response));
    const run = node({ restEndpointUrlPattern: url, maxParallelRequestsCount: 1 });
    const first = run();
    expect(await run()).toMatchObject({ msg: { metadata: { error: '1 calls are under way already' } } });
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    waiting[0]?.end('{}');
    expect((await first).relation).toBe('Success');
  });

  it('says what is wrong with a URL at load', () => {
    const problems = (restEndpointUrlPattern: string) =>
      lintNode('external/http', { restEndpointUrlPattern }).map(({ problem }) => problem);
    expect(problems('ftp://x')).toEqual(['is no http or https URL']);
    expect(problems('https://${host}/x')).toEqual(['what a message says decides which host is called']);
    expect(problems('https://a.example/${x}')).toEqual([]);
    expect(problems('https://user:word@a.example/x')).toEqual(['holds a user or password: every call fails']);
    expect(problems('https://a.example:99999/x')).toEqual(['is no URL: every call fails']);
  });

  it.each([
    [{ type: 'basic', username: 'u' }, '/credentials "password" is missing'],
    [{ type: 'digest' }, '/credentials/type "digest" is not a valid value'],
    [{ type: 'bearer' }, '/credentials "token" is missing'],
    [{}, '/credentials "type" is missing'],
    ['x', '/credentials must be object, is string'],
  ])('says at load what credentials %j lack', (credentials, expected) => {
    const config = { restEndpointUrlPattern: 'https://a.example/', credentials };
    const checked = compileSchema(http.schema)(config);
    expect(checked.ok ? [] : checked.violations.map(({ at, problem }) => `${at} ${problem}`)).toEqual([expected]);
  });

  it('says at load that a header can be none', () => {
    const headers = { 'X-Site': 'north ${site}', 'bad name/1': 'x', 'X-Two': 'a\r\nb' };
    const found = lintNode('external/http', { restEndpointUrlPattern: 'https://a.example/', headers });
    expect(found.map(({ at, problem, level }) => [at, problem, level])).toEqual([
      ['/headers/bad name~11', 'is no name of a header: every call fails', 'warning'],
      ['/headers/X-Two', 'a header has no line breaks: every call fails', 'warning'],
    ]);
  });
});
