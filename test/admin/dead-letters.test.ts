import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMsgSeal } from '../../src/device-api/msg-seal.ts';
import type { Device } from '../../src/model/device.ts';
import type { Msg } from '../../src/model/msg.ts';
import { Secret } from '../../src/model/secret.ts';
import type { DeadLetter } from '../../src/storage/record-stores.ts';
import { CUPS, type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/dead-letters';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

/** A letter of a message of the device, as the broker leaves it. */
async function leave(device: Device, id: string, change: Partial<DeadLetter> = {}, msg: Partial<Msg> = {}) {
  const whole: Msg = {
    id,
    ts: 5,
    type: 'POST_TELEMETRY_REQUEST',
    originator: { entityType: 'DEVICE', id: device.id, name: device.name, profile: device.profile },
    metadata: { ts: '5' },
    data: { power: 230 },
    ...msg,
  };
  const letter: DeadLetter = {
    id,
    at: 1,
    originator: { entityType: 'DEVICE', id: device.id },
    originatorName: device.name,
    chain: 'onboarding',
    node: 'save-series',
    reason: 'STORE_UNAVAILABLE: full',
    msgType: whole.type,
    metadata: { ts: '5' },
    data: { power: 230 },
    retries: 0,
    sealed: createMsgSeal(harness.core.hash).seal(whole),
    ...change,
  };
  await harness.core.storage.deadLetters.put(letter);
}

const list = async (query = '') => (await harness.api('GET', `${URL}${query}`)).json();
const ids = async (query: string) => (await list(query)).data.map(({ id }: { id: string }) => id);
const retry = (id: string, key?: string) =>
  harness.api('POST', `${URL}/${encodeURIComponent(id)}/retry`, undefined, key);

it('are listed newest first without their data, shown with it, and forgotten once', async () => {
  const device = await harness.device('m1');
  await leave(device, 'letter 1~a/b');
  await leave(device, 'letter 2~a/b');
  const page = await list('?pageSize=1');
  const originator = { entityType: 'DEVICE', id: device.id, name: 'm1' };
  expect(page).toMatchObject({
    totalElements: 2,
    hasNext: true,
    data: [{ id: 'letter 2~a/b', originator, retries: 0 }],
  });
  expect(Object.keys(page.data[0])).not.toEqual(expect.arrayContaining(['data', 'sealed']));
  const one = `${URL}/${encodeURIComponent('letter 2~a/b')}`;
  const shown = (await harness.api('GET', one)).json();
  expect(shown).toMatchObject({ node: 'save-series', data: { power: 230 }, metadata: { ts: '5' } });
  expect(shown.sealed).toBeUndefined();
  expect((await harness.api('DELETE', one)).statusCode).toBe(204);
  expect((await harness.api('DELETE', one)).json().code).toBe('NOT_FOUND');
  expect((await harness.api('GET', one)).statusCode).toBe(404);
});

it('are filtered by chain, node, device and reason', async () => {
  const [a, b] = [await harness.device('f1'), await harness.device('f2')];
  await leave(a, 'fa', { chain: 'x', node: 'n' });
  await leave(b, 'fb', { chain: 'x', node: 'm', reason: 'TIMEOUT' });
  expect(await ids('?chain=x')).toEqual(['fb', 'fa']);
  expect(await ids('?chain=x&node=n')).toEqual(['fa']);
  expect(await ids('?device=f2')).toEqual(['fb']);
  expect(await ids(`?device=${a.id}`)).toEqual(['fa']);
  expect(await ids('?reason=timeout')).toEqual(['fb']);
  expect((await harness.api('GET', `${URL}?device=nobody`)).json().code).toBe('DEVICE_NOT_FOUND');
  expect((await harness.api('GET', `${URL}?nodes=n`)).statusCode).toBe(400);
});

it('one runs again from its node on, and is gone with its outcome', async () => {
  const device = await harness.device('r1');
  await leave(device, 'again');
  expect((await retry('again')).json()).toEqual({ outcome: 'processed' });
  const latest = await harness.core.storage.telemetry.latest(device.id);
  expect(latest.get('power')).toEqual({ ts: 5, value: 230 });
  expect((await retry('again')).statusCode).toBe(404);
});

it('a try has the secrets of the message', async () => {
  const device = await harness.device('r2');
  const { secretKey } = await harness.supplier('Sol');
  const data = { Power_supplier_secret_key: new Secret(secretKey), CUPS };
  await leave(device, 'secret', { node: 'has-keys' }, { type: 'POST_ATTRIBUTES_REQUEST', data });
  expect((await retry('secret')).json()).toEqual({ outcome: 'processed' });
  expect(await harness.core.attachments.attachment(device.id)).toMatchObject({ supplier: { name: 'Sol' } });
});

it('a message that fails again stays, with one try more', async () => {
  const device = await harness.device('r3');
  await leave(device, 'gone', { node: 'former' });
  expect((await retry('gone')).json()).toEqual({ outcome: 'dead-lettered' });
  const [letter] = (await list('?device=r3')).data;
  expect(letter).toMatchObject({ retries: 1, node: 'former', reason: 'the chains have changed: this node is gone' });
  expect((await retry(letter.id)).json()).toEqual({ outcome: 'dead-lettered' });
  expect((await list('?device=r3')).data).toMatchObject([{ retries: 2 }]);
});

it('one whose node is gone runs from the start of the chains, alone and with others', async () => {
  const device = await harness.device('again-1');
  const calls = { chain: 'former', node: 'call' };
  await leave(device, 'anew', { node: 'former', chain: 'former' }, { calls, visits: { 'onboarding/by-type': 9 } });
  const url = `${URL}/anew/retry?fromStart=true`;
  expect((await harness.api('POST', url)).json()).toEqual({ outcome: 'processed' });
  expect((await harness.core.storage.telemetry.latest(device.id)).get('power')).toEqual({ ts: 5, value: 230 });
  expect((await list('?device=again-1')).data).toEqual([]);
  await leave(device, 'anew 2', { node: 'former' });
  const all = await harness.api('POST', `${URL}/retry`, { device: 'again-1', fromStart: true });
  expect(all.json()).toMatchObject({ tried: 1, processed: 1, left: 0 });
  expect((await harness.api('POST', `${URL}/anew/retry?fromStart=perhaps`)).statusCode).toBe(400);
});

it('two tries at once are one', async () => {
  const device = await harness.device('r4');
  await leave(device, 'twice');
  const before = harness.core.counters.outcomes.processed;
  const answers = await Promise.all([retry('twice'), retry('twice')]);
  const outcomes = answers.map((answer) => answer.json().outcome ?? answer.json().code);
  expect(outcomes.sort()).toEqual(['processed', 'under-way']);
  expect(harness.core.counters.outcomes.processed).toBe(before + 1);
});

it('all of a filter run again, the oldest first, up to a limit and up to a time', async () => {
  const device = await harness.device('r5');
  for (let i = 1; i <= 5; i++)
    await leave(device, `all-${i}`, { at: i }, { data: { n: i }, ts: i, metadata: { ts: '9' } });
  await leave(device, 'young', { at: 9 });
  await leave(device, 'bad', { node: 'former', at: 2 });
  const body = { device: 'r5', until: 5, limit: 4 };
  const first = (await harness.api('POST', `${URL}/retry`, body)).json();
  expect(first).toMatchObject({ until: 5, tried: 4, left: 2 });
  const second = (await harness.api('POST', `${URL}/retry`, body)).json();
  expect(second).toMatchObject({ tried: 2, left: 0 });
  expect(first.processed + second.processed).toBe(5);
  expect(first.deadLettered + second.deadLettered).toBe(1);
  expect((await list('?device=r5')).data).toMatchObject([{ node: 'former', retries: 1 }, { id: 'young' }]);
  for (const bad of [{ limit: 0 }, { limit: 1001 }, { chain: 7 }, { all: true }, []]) {
    expect((await harness.api('POST', `${URL}/retry`, bad)).statusCode).toBe(400);
  }
});

it('the oldest of all run first, also when there are more than the limit', async () => {
  const device = await harness.device('r8');
  for (let i = 1; i <= 5; i++) await leave(device, `turn-${i}`, {}, { data: { turn: i }, ts: i });
  const { left } = (await harness.api('POST', `${URL}/retry`, { device: 'r8', limit: 2 })).json();
  expect([left, await ids('?device=r8')]).toEqual([3, ['turn-5', 'turn-4', 'turn-3']]);
});

it('letters of a clock that was ahead run with the others, once', async () => {
  const device = await harness.device('r9');
  await leave(device, 'ahead', { at: harness.core.clock.now() + 86_400_000, node: 'former' });
  await leave(device, 'now', { at: harness.core.clock.now(), node: 'former' });
  const first = (await harness.api('POST', `${URL}/retry`, { device: 'r9' })).json();
  expect(first).toMatchObject({ tried: 2, deadLettered: 2, left: 0 });
  const again = await harness.api('POST', `${URL}/retry`, { device: 'r9', until: first.until - 1 });
  expect(again.json()).toMatchObject({ tried: 0, left: 0 });
});

it('one whose message cannot be read says so and stays', async () => {
  const device = await harness.device('r6');
  await leave(device, 'damaged', { sealed: 'AAAA' });
  expect((await retry('damaged')).json()).toMatchObject({ code: 'STORE_CORRUPT' });
  expect(await ids('?device=r6')).toEqual(['damaged']);
});

it('tries and deletions are in the audit; a key that only reads may neither', async () => {
  const device = await harness.device('r7');
  await leave(device, 'audited', { node: 'former' });
  await retry('audited');
  const [entry] = (await harness.api('GET', '/api/gridmoor/audit?pageSize=1')).json().data;
  expect(entry).toMatchObject({
    action: 'dead-letter.retry',
    subject: 'dead-letter:audited',
    outcome: 'dead-lettered',
  });
  const made = (await harness.api('POST', '/api/gridmoor/api-keys', { name: 'eye', role: 'read-only' })).json();
  expect((await retry('audited', made.secretKey)).statusCode).toBe(403);
  expect((await harness.api('DELETE', `${URL}/audited`, undefined, made.secretKey)).statusCode).toBe(403);
});
