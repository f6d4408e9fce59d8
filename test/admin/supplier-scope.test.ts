import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminRoutes } from '../../src/admin/index.ts';
import type { Route } from '../../src/admin/route.ts';
import type { Device } from '../../src/model/device.ts';
import type { AssetId } from '../../src/model/ids.ts';
import { type Harness, startHarness } from './harness.ts';

const PASSWORD = 'a long enough password';
let harness: Harness;
let own: Device;
let foreign: Device;
let free: Device;
const tokens: Record<string, string> = {};
let routes: readonly Route[];

beforeAll(async () => {
  harness = await startHarness({ free: 1_000, baseMs: 20, maxMs: 40 });
  [own, foreign, free] = [
    await harness.device('own-1'),
    await harness.device('foreign-1'),
    await harness.device('free-1'),
  ];
  const [mine, theirs] = [await harness.supplier('Mine'), await harness.supplier('Theirs')];
  await attach(own, mine.id, 'ES0021000000000001');
  await attach(foreign, theirs.id, 'ES0021000000000002');
  for (const device of [own, foreign, free]) {
    await harness.core.storage.telemetry.save({ entityId: device.id, ts: 1, values: { power: 7 } });
    const values = { seen: device.name };
    await harness.core.storage.attributes.save({
      entityId: device.id,
      scope: 'SERVER_SCOPE',
      values,
      ts: 1,
      onlyOnChange: false,
    });
  }
  const user = { name: 'seller', role: 'supplier', supplier: 'Mine', password: PASSWORD };
  await harness.api('POST', '/api/gridmoor/users', user);
  const login = await harness.api('POST', '/api/auth/login', { username: 'seller', password: PASSWORD }, '');
  tokens['a user of the supplier'] = login.json().token;
  const key = { name: 'portal', role: 'supplier', supplier: 'Mine' };
  tokens['an API key of the supplier'] = (await harness.api('POST', '/api/gridmoor/api-keys', key)).json().secretKey;
  routes = adminRoutes(harness.deps);
});
afterAll(() => harness[Symbol.asyncDispose]());

async function attach(device: Device, supplierId: string, stem: string): Promise<void> {
  const grid = { code: '0021', name: 'Grid' };
  const supplyPoint = { scheme: 'es-cups', stem };
  const by = 'test';
  const result = await harness.core.attachments.attach({
    deviceId: device.id,
    supplierId: supplierId as AssetId,
    supplyPoint,
    grid,
    onConflict: 'reject',
    by,
  });
  expect(result.kind).toBe('attached');
}

/** A request to the route with every parameter filled in; bodies are empty. */
function ask(route: Route, device: Device, token: string) {
  const path = route.url
    .replace(/:(id|device|deviceId|entityId)\b/g, device.id)
    .replace(/:(scope|attributeScope)\b/g, 'SERVER_SCOPE')
    .replace(/:\w+/g, device.id);
  return harness.inject({
    method: route.method,
    url: path,
    headers: {
      'x-authorization': `Bearer ${token}`,
      ...(route.method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(route.method === 'POST' ? { payload: '{}' } : {}),
  });
}

describe.each(['a user of the supplier', 'an API key of the supplier'])('%s', (who) => {
  const token = () => tokens[who] ?? '';

  it('is refused on every route that is not marked for suppliers', async () => {
    const closed = routes.filter(({ supplier, role }) => supplier === undefined && role !== 'anyone');
    expect(closed.length).toBeGreaterThan(30);
    for (const route of closed) {
      const answer = await ask(route, own, token());
      expect([route.method, route.url, answer.statusCode]).toEqual([route.method, route.url, 403]);
    }
  });

  it('reads the marked routes of an own device, and only reads', async () => {
    const marked = routes.filter(({ supplier }) => supplier === 'device');
    expect(marked.map(({ method }) => method).filter((method) => method !== 'GET')).toEqual([]);
    for (const route of marked) {
      const answer = await ask(route, own, token());
      expect([route.url, answer.statusCode]).toEqual([route.url, 200]);
    }
  });

  it('is told that devices of others and free devices do not exist, on every marked route', async () => {
    for (const route of routes.filter(({ supplier }) => supplier === 'device')) {
      for (const device of [foreign, free]) {
        const answer = await ask(route, device, token());
        expect([route.url, answer.json().code]).toEqual([route.url, 'DEVICE_NOT_FOUND']);
      }
    }
  });

  it('sees no other device in any list, whatever is asked', async () => {
    const own = routes.filter(({ supplier, method }) => supplier === 'own' && method === 'GET');
    for (const route of own) {
      for (const query of [
        '',
        `?deviceIds=${foreign.id},${free.id}`,
        '?textSearch=1',
        '?type=smart-meter',
        '?pageSize=1&page=1',
      ]) {
        const answer = await harness.api('GET', `${route.url}${query}`, undefined, token());
        expect([route.url, query, answer.statusCode < 500]).toEqual([route.url, query, true]);
        for (const device of [foreign, free]) {
          expect([route.url, query, answer.body.includes(device.name)]).toEqual([route.url, query, false]);
        }
      }
    }
    const byName = await harness.api('GET', '/api/tenant/devices?deviceName=foreign-1', undefined, token());
    expect(byName.json().code).toBe('DEVICE_NOT_FOUND');
  });

  it('finds the own devices in the list, also by a part of the name', async () => {
    for (const query of ['', '?textSearch=OWN', '?type=smart-meter']) {
      const page = (await harness.api('GET', `/api/tenant/devices${query}`, undefined, token())).json();
      expect([query, page.data.map(({ name }: { name: string }) => name)]).toEqual([query, ['own-1']]);
      expect(page.totalElements).toBe(1);
    }
    const none = (await harness.api('GET', '/api/tenant/devices?textSearch=xyz', undefined, token())).json();
    expect(none.totalElements).toBe(0);
  });

  it('loses a device from sight at the end of its attachment', async () => {
    const other = await harness.device(`own-2 of ${who}`);
    const { id } = (await harness.core.suppliers.supplierByName('Mine'))?.asset ?? { id: '' };
    await attach(other, id, who.includes('key') ? 'ES0021000000000003' : 'ES0021000000000004');
    const read = async () => (await harness.api('GET', `/api/device/${other.id}`, undefined, token())).statusCode;
    expect(await read()).toBe(200);
    await harness.core.attachments.end(other.id, 'test');
    expect(await read()).toBe(404);
  });
});
