import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

const ID = '11111111-0000-4000-8000-00000000000b';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
  const exported = readFileSync(join(import.meta.dirname, '../fixtures/thingsboard/root-chain.json'), 'utf8');
  const value = JSON.parse(exported);
  value.ruleChain.id = { entityType: 'RULE_CHAIN', id: ID };
  writeFileSync(join(harness.chainsDir, 'exported.json'), JSON.stringify(value));
  await vi.waitFor(async () => expect((await get('/api/ruleChains')).totalElements).toBe(2), { timeout: 15_000 });
});
afterAll(() => harness[Symbol.asyncDispose]());

const get = async (url: string) => (await harness.api('GET', url)).json();

it("rule chains are listed on ThingsBoard's path, those of its exports under their ids", async () => {
  const { data } = await get('/api/ruleChains?pageSize=10&page=0&sortProperty=name');
  expect(data).toMatchObject([
    {
      name: 'Root',
      id: { entityType: 'RULE_CHAIN', id: ID },
      root: false,
      additionalInfo: { description: expect.any(String) },
    },
    { name: 'onboarding', root: true, type: 'CORE' },
  ]);
  expect((await get('/api/ruleChains?textSearch=ONB')).data).toEqual([data[1]]);
  expect(await get(`/api/ruleChain/${data[1].id.id}`)).toEqual(data[1]);
  expect(await get('/api/ruleChains?page=5')).toMatchObject({ data: [], totalElements: 2, hasNext: false });
});

it.each([
  ['x', 400],
  ['00000000-0000-0000-0000-000000000000', 404],
])('the rule chain %s is %i', async (id, status) => {
  expect(await get(`/api/ruleChain/${id}`)).toMatchObject({ status, at: 'id' });
});
