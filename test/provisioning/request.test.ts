import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonObject, parseJson } from '../../src/model/json.ts';
import { parseProvisionRequest, requestedCredentials } from '../../src/provisioning/request.ts';

const base = { provisionDeviceKey: 'k', provisionDeviceSecret: 's' };

function read(fields: JsonObject) {
  const parsed = parseProvisionRequest({ ...base, ...fields });
  if (!parsed.ok) throw new Error(`${parsed.field} ${parsed.problem}`);
  return parsed.request;
}

describe('provisioning requests (thingsboard-device-api 2.3)', () => {
  it('a missing key or secret is named', () => {
    expect(parseProvisionRequest({ provisionDeviceSecret: 's' })).toMatchObject({
      ok: false,
      field: 'provisionDeviceKey',
    });
    expect(parseProvisionRequest({ provisionDeviceKey: 'k' })).toMatchObject({
      ok: false,
      field: 'provisionDeviceSecret',
    });
  });

  it('numbers are taken where text is expected, by their exact text', () => {
    const parsed = parseJson('{"provisionDeviceKey":123,"provisionDeviceSecret":9007199254740993}', { maxDepth: 8 });
    if (!parsed.ok) throw new Error('not JSON');
    const request = parseProvisionRequest(parsed.value as JsonObject);
    expect(request.ok && [request.request.key, request.request.secret.reveal()]).toEqual(['123', '9007199254740993']);
  });

  it('null counts as absent', () => {
    expect(read({ deviceName: null, credentialsType: null, password: null })).toMatchObject({
      deviceName: undefined,
      credentialsType: 'ACCESS_TOKEN',
      password: '',
    });
  });

  it('a member inherited by every object is not a field', () => {
    expect(parseProvisionRequest(Object.create({ ...base }) as JsonObject).ok).toBe(false);
  });

  it('the secret never shows', () => {
    expect(JSON.stringify(read({}))).not.toContain('"s"');
  });

  it.each([
    [{ token: 't' }, { type: 'ACCESS_TOKEN', token: 't' }],
    [
      { credentialsType: 'MQTT_BASIC', username: 'u' },
      { type: 'MQTT_BASIC', clientId: '', userName: 'u', password: '' },
    ],
    [{ credentialsType: 'MQTT_BASIC' }, undefined],
    [{}, undefined],
  ])('credentials of %j', (fields, credentials) => {
    expect(requestedCredentials(read(fields as JsonObject))).toEqual({ credentials });
  });

  it('never throws, whatever the members hold', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom(...Object.keys(base), 'deviceName', 'credentialsType', 'token', 'hash', '__proto__'),
          fc.jsonValue(),
        ),
        (body) => {
          parseProvisionRequest(body as JsonObject);
        },
      ),
      { numRuns: 500 },
    );
  });
});
