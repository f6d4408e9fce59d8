import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Downlink } from '../../src/device-api/index.ts';
import type { Device } from '../../src/model/device.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
let device: Device;
let url: string;
const sent: Downlink[] = [];
let serial = 0;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());
beforeEach(async () => {
  device = await harness.device(`m${++serial}`);
  url = `/api/plugins/telemetry/DEVICE/${device.id}`;
  sent.length = 0;
  harness.core.deviceApi.openSession(device, {
    send(downlink) {
      sent.push(downlink);
      return true;
    },
    close: () => {},
  });
});

const read = async (path: string) =>
  (await harness.api('GET', `${url}/values/attributes${path}`)).body.replace(/"lastUpdateTs":\d+,/g, '');

it('set in the shared scope are stored, pushed to the device and given back with exact numbers', async () => {
  const answer = await harness.api('POST', `${url}/SHARED_SCOPE`, '{"big":9223372036854775807,"v":42.0,"none":null}');
  expect([answer.statusCode, answer.body]).toEqual([200, '']);
  expect(sent).toEqual([{ kind: 'shared-attributes', text: '{"big":9223372036854775807,"v":42.0}' }]);
  expect(await read('/SHARED_SCOPE')).toBe('[{"key":"big","value":9223372036854775807},{"key":"v","value":42.0}]');
});

it('set in the server scope are not pushed', async () => {
  await harness.api('POST', `${url}/SERVER_SCOPE`, { a: 1 });
  expect(sent).toEqual([]);
  expect(await read('?keys=a')).toBe('[{"key":"a","value":1}]');
});

it('can be set in every form of the path that ThingsBoard has', async () => {
  const keys = async (scope: string) => (await harness.api('GET', `${url}/keys/attributes${scope}`)).json();
  await harness.api('POST', `/api/plugins/telemetry/${device.id}/SERVER_SCOPE`, { a: 1 });
  await harness.api('POST', `${url}/attributes/SERVER_SCOPE`, { b: 2 });
  expect(await read('/SERVER_SCOPE?keys=b,a')).toContain('"a"');
  for (const scope of ['/SERVER_SCOPE', '']) {
    expect(await keys(scope)).toEqual(expect.arrayContaining(['active', 'a', 'b']));
  }
});

it('deleted are gone; the device hears of shared ones that were there', async () => {
  await harness.api('POST', `${url}/SHARED_SCOPE`, { a: 1, b: 2 });
  sent.length = 0;
  expect((await harness.api('DELETE', `${url}/SHARED_SCOPE?keys=a,unknown`)).statusCode).toBe(200);
  expect(sent).toEqual([expect.objectContaining({ kind: 'shared-attributes', text: '{"deleted":["a"]}' })]);
  expect(await read('/SHARED_SCOPE')).toBe('[{"key":"b","value":2}]');
});

it.each([
  ['the client scope, which is the device its own', 'CLIENT_SCOPE', '{"a":1}'],
  ['a scope that is none', 'SHARD_SCOPE', '{"a":1}'],
  ['an array', 'SERVER_SCOPE', '[1]'],
  ['a number', 'SERVER_SCOPE', '42.0'],
  ['nothing at all', 'SERVER_SCOPE', 'null'],
  ['an empty key', 'SERVER_SCOPE', '{"":1}'],
  ['a key of 256 characters', 'SERVER_SCOPE', JSON.stringify({ ['k'.repeat(256)]: 1 })],
])('to %s is 400', async (_name, scope, body) => {
  expect((await harness.api('POST', `${url}/${scope}`, body)).statusCode).toBe(400);
});

it('a key __proto__ is a key', async () => {
  await harness.api('POST', `${url}/SERVER_SCOPE`, '{"__proto__":{"polluted":true}}');
  expect(await read('/SERVER_SCOPE?keys=__proto__')).toBe('[{"key":"__proto__","value":{"polluted":true}}]');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});
