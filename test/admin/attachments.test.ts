import { afterAll, beforeAll, expect, it } from 'vitest';
import { CUPS, type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/attachments';
/** Another valid code of the same operator, and one of another operator. */
const SAME_OPERATOR = 'ES1234000000000001JN';
const OTHER_OPERATOR = 'ES0021000012345678LB';
const GRID = { code: '1234', name: 'Grid of the tests' };

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
  await harness.supplier('Sol');
  await harness.supplier('Luna');
});
afterAll(() => harness[Symbol.asyncDispose]());

const get = async (query: string) => (await harness.api('GET', `${URL}?${query}`)).json();
const move = (device: string, body: object) => harness.api('POST', `${URL}/${device}/move`, body);

it('of a device that onboarded itself over HTTP is found by device name, id, supply point and supplier', async () => {
  const device = await harness.device('meter-1');
  const { secretKey, id } = await harness.supplier('Viento');
  const payload = JSON.stringify({ Power_supplier_secret_key: secretKey, CUPS: `${CUPS}0F` });
  const posted = await harness.inject({ method: 'POST', url: '/api/v1/token-of-meter-1/attributes', payload });
  expect(posted.statusCode).toBe(200);
  const page = await get('device=meter-1');
  expect(page).toEqual({
    data: [
      {
        device: { id: device.id, name: 'meter-1' },
        supplier: { id, name: 'Viento' },
        supplyPoint: CUPS,
        scheme: 'es-cups',
        suffix: '0F',
        grid: { id: expect.any(String), name: expect.any(String), code: 'unknown:1234' },
        since: expect.any(Number),
      },
    ],
    totalElements: 1,
    hasNext: false,
  });
  const spelt = encodeURIComponent('es 1234 1234 5678 9012 jy');
  for (const query of [`device=${device.id}`, `supplyPoint=${CUPS}`, `supplyPoint=${spelt}`, `supplyPoint=${CUPS}0F`]) {
    expect(await get(query)).toEqual(page);
  }
  expect(await get(`supplier=${id}`)).toEqual(page);
  expect(await get('supplier=Viento&device=meter-1')).toEqual(page);
  await harness.api('DELETE', `${URL}/meter-1`);
});

it('of a device, supplier or point that is unknown or not attached are an empty page', async () => {
  await harness.device('bare');
  for (const query of ['device=nobody', 'device=bare', 'supplier=nobody', `supplyPoint=${OTHER_OPERATOR}`]) {
    expect(await get(query)).toEqual({ data: [], totalElements: 0, hasNext: false });
  }
});

it('with a code that is no supply point are 400 with the reason, without the code', async () => {
  const wrong = 'ES1234123456789012XX';
  const answer = await harness.api('GET', `${URL}?supplyPoint=${wrong}`);
  expect(answer.json()).toMatchObject({ status: 400, at: 'supplyPoint', detail: expect.stringContaining('checksum') });
  expect(answer.body).not.toContain('12345678');
});

it('are moved to a supplier and point; the former holder loses the point; both histories say so', async () => {
  await harness.device('m1');
  await harness.device('m2');
  const first = (await move('m1', { supplier: 'Sol', supplyPoint: CUPS, grid: GRID })).json();
  expect(first).toMatchObject({ outcome: 'attached', attachment: { supplyPoint: CUPS, grid: GRID } });
  expect((await move('m1', { supplier: 'Sol' })).json().outcome).toBe('already-attached');
  expect((await move('m2', { supplier: 'Luna', supplyPoint: CUPS, grid: GRID })).json()).toMatchObject({
    outcome: 'moved',
    attachment: { device: { name: 'm2' }, supplier: { name: 'Luna' } },
  });
  expect((await get('device=m1')).data).toEqual([]);
  const events = async (device: string) =>
    (await harness.api('GET', `${URL}/${device}/history`)).json().data.map((one: { event: string }) => one.event);
  expect(await events('m1')).toEqual(['attached', 'moved-out']);
  expect(await events('m2')).toEqual(['moved-in']);
  await harness.api('DELETE', `${URL}/m2`);
});

it('keep supplier, point and grid that a move does not name, but no grid of another operator', async () => {
  await harness.device('m3');
  await move('m3', { supplier: 'Sol', supplyPoint: CUPS, grid: GRID });
  expect((await move('m3', { supplyPoint: SAME_OPERATOR })).json().attachment).toMatchObject({
    supplier: { name: 'Sol' },
    supplyPoint: SAME_OPERATOR,
    grid: GRID,
  });
  const other = await move('m3', { supplyPoint: OTHER_OPERATOR });
  expect([other.statusCode, other.json().at]).toEqual([400, 'grid']);
  const named = await move('m3', { supplyPoint: OTHER_OPERATOR, grid: { code: '0021', name: 'i-DE' } });
  expect(named.json().attachment.grid).toMatchObject({ code: '0021', name: 'i-DE' });
});

it('name a grid by its code or its name when a device is on it already, else by both', async () => {
  await harness.device('g1');
  await harness.device('g2');
  const to = (device: string, grid: unknown) => move(device, { supplier: 'Sol', supplyPoint: CUPS, grid });
  for (const grid of [{}, { code: '7777' }, { name: 'Seventh' }, { code: '' }, { code: 7 }, { code: '7', other: 1 }]) {
    const answer = await to('g1', grid);
    expect([grid, answer.statusCode, answer.json().at]).toEqual([grid, 400, expect.stringMatching(/^grid/)]);
  }
  await to('g1', { code: '7777', name: 'Seventh' });
  for (const grid of [{ code: '7777' }, { name: 'Seventh' }]) {
    const moved = await move('g2', { supplier: 'Sol', supplyPoint: OTHER_OPERATOR, grid });
    expect(moved.json().attachment.grid).toMatchObject({ code: '7777', name: 'Seventh' });
  }
  await to('g1', { code: '8888', name: 'Seventh' });
  const both = await move('g2', { grid: { name: 'Seventh' } });
  expect(both.json()).toMatchObject({ status: 400, detail: 'grids 7777 and 8888 both have this name: say the code' });
  for (const device of ['g1', 'g2']) await harness.api('DELETE', `${URL}/${device}`);
});

it('of a device that has none need everything said', async () => {
  await harness.device('m4');
  for (const [body, at] of [
    [{}, 'supplier'],
    [{ supplier: 'Sol' }, 'supplyPoint'],
    [{ supplier: 'Sol', supplyPoint: CUPS }, 'grid'],
  ] as const) {
    const answer = await move('m4', body);
    expect([answer.statusCode, answer.json().at]).toEqual([400, at]);
  }
  expect((await move('m4', { supplier: 'nobody' })).json().code).toBe('SUPPLIER_NOT_FOUND');
  expect((await move('nobody', { supplier: 'Sol' })).json().code).toBe('DEVICE_NOT_FOUND');
});

it('end once, and the history outlives the device', async () => {
  const { id } = await harness.device('m5');
  await move('m5', { supplier: 'Sol', supplyPoint: CUPS, grid: GRID });
  expect((await harness.api('DELETE', `${URL}/${id}`)).json()).toMatchObject({ device: { name: 'm5' } });
  expect((await harness.api('DELETE', `${URL}/${id}`)).json().code).toBe('ATTACHMENT_NOT_FOUND');
  await harness.api('DELETE', `/api/device/${id}`);
  const history = (await harness.api('GET', `${URL}/${id}/history`)).json();
  expect(history.data.at(-1)).toMatchObject({ event: 'ended', by: 'admin-key', until: expect.any(Number) });
  expect((await harness.api('GET', `${URL}/m5/history`)).statusCode).toBe(404);
});
