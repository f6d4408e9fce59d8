import { describe, expect, it } from 'vitest';
import { CODES } from '../../../src/transport/coap/codec.ts';
import { readRoute } from '../../../src/transport/coap/routes.ts';

const { get, post } = CODES;
const route = (code: number, path: string) => readRoute({ code, path: path.split('/').slice(1) });

describe('paths (thingsboard-device-api 6.2)', () => {
  it.each([
    [post, '/api/v1/provision', { kind: 'provision' }],
    [post, '/api/v1/T/telemetry', { kind: 'telemetry', token: 'T' }],
    [post, '/api/v1/T/attributes', { kind: 'post-attributes', token: 'T' }],
    [get, '/api/v1/T/attributes', { kind: 'get-attributes', token: 'T' }],
    [post, '/api/v1/T/claim', { kind: 'claim', token: 'T' }],
    [get, '/api/v1/T/rpc', { kind: 'calls', token: 'T' }],
    [post, '/api/v1/T/rpc', { kind: 'call', token: 'T' }],
    [post, '/api/v1/T/rpc/12', { kind: 'call-answer', token: 'T', id: 12 }],
    [get, '/fw/T', { kind: 'firmware', token: 'T' }],
    [get, '/sw/T', { kind: 'software', token: 'T' }],
    // A token may be any text, also the name of a resource.
    [post, '/api/v1/telemetry/telemetry', { kind: 'telemetry', token: 'telemetry' }],
    [post, '/api/v1/__proto__/telemetry', { kind: 'telemetry', token: '__proto__' }],
  ])('%i %s', (code, path, expected) => {
    expect(route(code, path)).toEqual(expected);
  });

  it.each([
    [get, '/', 0x84],
    [get, '/api/v1/T', 0x84],
    [get, '/api/v1/T/constructor', 0x84],
    [get, '/__proto__/T', 0x84],
    [post, '/api/v2/T/telemetry', 0x84],
    [post, '/api/v1/T/telemetry/more', 0x84],
    [post, '/api/v1/T/rpc/1/2', 0x84],
    [get, '/fw/T/more', 0x84],
    [get, '/api/v1/T/telemetry', 0x85],
    [3, '/api/v1/T/attributes', 0x85],
    [get, '/api/v1/T/rpc/1', 0x85],
    [post, '/sw/T', 0x85],
    [get, '/api/v1/provision', 0x85],
    [post, '/api/v1/T/rpc/-1', 0x80],
    [post, '/api/v1/T/rpc/99999999999', 0x80],
  ])('%i %s is refused with %i', (method, path, code) => {
    expect(route(method, path)).toEqual({ kind: 'none', code });
  });

  it('one without its token is one of nobody', () => {
    for (const path of ['/api/v1/telemetry', '/api/v1//attributes', '/fw', '/fw/']) {
      expect([path, route(path.startsWith('/fw') ? get : post, path)]).toMatchObject([path, { token: '' }]);
    }
  });
});
