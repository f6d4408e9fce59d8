import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TENANT } from '../../src/model/entity.ts';
import { ADMIN_KEY, type Harness, startHarness } from './harness.ts';

const URL = '/api/rule-engine';

describe('admin: messages for the chains', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
    // Who asks is answered with the body, unless it says that it wants no answer.
    const chain = (await harness.api('GET', '/api/gridmoor/chains/onboarding')).json();
    chain.nodes['by-type'].to['REST API request'] = 'wanted';
    const conditions = { all: [{ fact: 'msg', path: '$.silent', operator: 'equal', value: true }] };
    chain.nodes.wanted = { kind: 'filter/conditions', config: { conditions }, to: { False: 'keep', True: [] } };
    chain.nodes.keep = { kind: 'enrich/originator-fields', to: { Success: 'answer' } };
    chain.nodes.keep.config = { dataMapping: { name: 'originator' }, fetchTo: 'DATA', ignoreNullStrings: false };
    chain.nodes.answer = { kind: 'rest/reply' };
    const put = await harness.inject({
      method: 'PUT',
      url: '/api/gridmoor/chains/onboarding',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', 'if-match': '*' },
      payload: JSON.stringify(chain),
    });
    expect([put.statusCode, put.body]).toEqual([200, expect.any(String)]);
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  it.each([URL, `${URL}/`])('%s runs as a message of the tenant, and numbers keep their text', async (url) => {
    const answer = await harness.api('POST', url, '{"n":9007199254740993,"x":42.0}');
    expect([answer.statusCode, answer.body]).toEqual([200, '{"n":9007199254740993,"x":42.0,"originator":"Tenant"}']);
  });

  it('runs as a message of an entity, with and without a time and a queue', async () => {
    const { id } = await harness.device('rest-1');
    for (const more of ['', '/5000', '/HighPriority/5000']) {
      const answer = await harness.api('POST', `${URL}/DEVICE/${id}${more}`, { a: 1 });
      expect(answer.json()).toEqual({ a: 1, originator: 'rest-1' });
    }
    expect((await harness.api('POST', `${URL}/TENANT/${TENANT.id}`, {})).json()).toEqual({ originator: 'Tenant' });
  });

  it('without an answer it is 408 when the time is over', async () => {
    const { id } = await harness.device('rest-silent');
    const answer = await harness.api('POST', `${URL}/DEVICE/${id}/50`, { silent: true });
    expect([answer.statusCode, answer.json().code]).toEqual([408, 'REST_TIMEOUT']);
  });

  it.each([
    ['an unknown device', 'POST', '/DEVICE/018f0000-0000-7000-8000-000000000000', '{}', 404],
    ['an unknown type', 'POST', '/USER/018f0000-0000-7000-8000-000000000000', '{}', 400],
    ['no UUID', 'POST', '/DEVICE/m1', '{}', 400],
    ['no JSON', 'POST', '', 'hello', 400],
    ['a list', 'POST', '', '[1]', 400],
    ['a time of zero', 'POST', `/TENANT/${TENANT.id}/0`, '{}', 400],
    ['a time that is too long', 'POST', `/TENANT/${TENANT.id}/600001`, '{}', 400],
    ['a time that is no number', 'POST', `/TENANT/${TENANT.id}/Main/x`, '{}', 400],
  ] as const)('%s is refused', async (_name, method, path, body, status) => {
    expect((await harness.api(method, `${URL}${path}`, body)).statusCode).toBe(status);
  });

  it('is for operators and administrators', async () => {
    const { secretKey } = await harness.core.apiKeys.create({ name: 'reads', role: 'read-only', by: 'test' });
    expect((await harness.api('POST', URL, {}, secretKey.reveal())).statusCode).toBe(403);
    expect((await harness.api('POST', URL, {}, '')).statusCode).toBe(401);
  });
});
