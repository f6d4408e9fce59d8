import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminRoutes } from '../../src/admin/index.ts';
import type { Route } from '../../src/admin/route.ts';
import { SUBTREE_ROUTES } from '../../src/admin/subtree-scope.ts';
import type { Device } from '../../src/model/device.ts';
import { newAssetId } from '../../src/model/ids.ts';
import { type Harness, startHarness } from './harness.ts';

const PASSWORD = 'a long enough password';
const TREES = '/api/gridmoor/trees';
const WHO = ['a user', 'an API key'] as const;
let harness: Harness;
let own: Device;
let foreign: Device;
let routes: readonly Route[];
const assets: Record<string, string> = {};
const tokens: Record<string, string> = {};
const nameOf = ({ method, url }: Route): string => `${method} ${url}`;

/** grid: north (own-1, street), south (foreign-1). */
beforeAll(async () => {
  harness = await startHarness({ free: 1_000, baseMs: 1, maxMs: 1 });
  [own, foreign] = [await harness.device('own-1'), await harness.device('foreign-1')];
  const { storage, trees } = harness.core;
  for (const name of ['north', 'street', 'south']) {
    const asset = { id: newAssetId(Date.now()), type: 'area', name, createdAt: Date.now() };
    assets[name] = (await storage.assets.ensureAsset(asset)).asset.id;
  }
  for (const tree of ['grid', 'other']) await trees.create(tree, 'test');
  await trees.add('grid', { ref: `ASSET:${assets.north}` }, 'test');
  await trees.add('grid', { ref: `ASSET:${assets.south}` }, 'test');
  await trees.add('grid', { ref: `ASSET:${assets.street}`, parent: `ASSET:${assets.north}` }, 'test');
  await trees.add('grid', { ref: `DEVICE:${own.id}`, parent: `ASSET:${assets.street}` }, 'test');
  await trees.add('grid', { ref: `DEVICE:${foreign.id}`, parent: `ASSET:${assets.south}` }, 'test');
  await trees.add('other', { ref: `DEVICE:${own.id}` }, 'test');
  for (const { id } of [own, foreign]) await storage.telemetry.save({ entityId: id, ts: 1, values: { power: 7 } });

  const bounds = { role: 'operator', subtree: 'grid/ASSET:area/north' };
  await harness.api('POST', '/api/gridmoor/users', { name: 'north', password: PASSWORD, ...bounds });
  const login = await harness.api('POST', '/api/auth/login', { username: 'north', password: PASSWORD }, '');
  tokens['a user'] = login.json().token;
  const key = await harness.api('POST', '/api/gridmoor/api-keys', { name: 'north', ...bounds });
  expect(key.json().subtree).toBe(`grid/ASSET:${assets.north}`);
  tokens['an API key'] = key.json().secretKey;
  routes = adminRoutes(harness.deps);
}, 30_000);
afterAll(() => harness[Symbol.asyncDispose]());

describe.each(WHO)('%s of a part of a tree', (who) => {
  const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown) =>
    harness.api(method, url, body, tokens[who] ?? '');
  const names = async (url: string): Promise<string[]> =>
    (await call('GET', url)).json().data.map(({ name }: { name: string }) => name);
  const ask = (route: Route, device: Device) => {
    const path = route.url
      .replace(':entityType', 'DEVICE')
      .replace(':scope', 'SERVER_SCOPE')
      .replace(/:\w+/g, device.id);
    const headers = { 'x-authorization': `Bearer ${tokens[who]}` };
    const body = { headers: { ...headers, 'content-type': 'application/json' }, payload: '{}' };
    const hasBody = route.method === 'POST' || route.method === 'PUT';
    return harness.inject({ method: route.method, url: path, headers, ...(hasBody ? body : {}) });
  };

  it('is refused on every route that is not listed', async () => {
    const closed = routes.filter((route) => !SUBTREE_ROUTES.has(nameOf(route)) && route.role !== 'anyone');
    expect(closed.length).toBeGreaterThan(60);
    for (const route of closed)
      expect([nameOf(route), (await ask(route, own)).statusCode]).toEqual([nameOf(route), 403]);
    for (const url of ['/api/gridmoor/backup', `/api/otaPackage/${own.id}/download`])
      expect([url, (await call(url.endsWith('backup') ? 'POST' : 'GET', url)).statusCode]).toEqual([url, 403]);
  });

  it('is told that devices elsewhere do not exist, on every route about a device', async () => {
    const about = routes.filter((route) => ['device', 'entity'].includes(SUBTREE_ROUTES.get(nameOf(route)) ?? ''));
    for (const route of about) {
      const { code } = (await ask(route, foreign)).json();
      // A body that is wrong in itself is told first; a route beyond the role, before that.
      expect([nameOf(route), ['DEVICE_NOT_FOUND', 'BAD_REQUEST', 'FORBIDDEN'].includes(code)]).toEqual([
        nameOf(route),
        true,
      ]);
    }
    expect((await harness.core.registry.device(foreign.id))?.state).toBeUndefined();
  });

  it('finds its own devices, and no others, however it asks', async () => {
    for (const query of ['', '?textSearch=1', '?type=smart-meter', `?deviceName=foreign-1`, '?pageSize=1&page=1']) {
      for (const url of ['/api/tenant/devices', '/api/tenant/deviceInfos']) {
        const { body } = await call('GET', `${url}${query}`);
        expect([url, query, body.includes('foreign-1"')]).toEqual([url, query, false]);
      }
    }
    expect(await names('/api/tenant/devices?textSearch=OWN')).toEqual(['own-1']);
    expect((await call('GET', '/api/tenant/deviceInfos')).json().totalElements).toBe(1);
    expect((await call('GET', `/api/devices?deviceIds=${own.id},${foreign.id}`)).json()).toHaveLength(1);
    expect((await call('GET', '/api/tenant/device?deviceName=foreign-1')).json().code).toBe('DEVICE_NOT_FOUND');
  });

  it('reads and steers its own devices and assets', async () => {
    const series = `/api/plugins/telemetry/DEVICE/${own.id}/values/timeseries`;
    expect((await call('GET', series)).json()).toEqual({ power: [{ ts: 1, value: '7' }] });
    expect((await call('GET', series.replace(own.id, foreign.id))).statusCode).toBe(404);
    expect((await call('POST', `/api/gridmoor/devices/own-1/disable`)).statusCode).toBe(200);
    expect((await call('POST', `/api/gridmoor/devices/own-1/enable`)).statusCode).toBe(200);
    expect((await call('POST', `/api/gridmoor/devices/foreign-1/disable`)).json().code).toBe('DEVICE_NOT_FOUND');
    expect((await call('POST', `/api/rpc/oneway/${foreign.id}`, { method: 'x' })).json().code).toBe('DEVICE_NOT_FOUND');
    expect((await call('GET', `/api/asset/${assets.street}`)).json().name).toBe('street');
    expect((await call('GET', `/api/asset/${assets.south}`)).statusCode).toBe(404);
    const tags = `/api/plugins/telemetry/ASSET/${assets.north}/SERVER_SCOPE`;
    expect((await call('POST', tags, { a: 1 })).statusCode).toBe(200);
    expect((await call('POST', tags.replace(assets.north ?? '', assets.south ?? ''), { a: 1 })).statusCode).toBe(404);
  });

  it('sees calls and alarms of its own devices alone', async () => {
    const persistent = async ({ id }: Device): Promise<string> => {
      const body = { method: 'later', persistent: true };
      return (await harness.api('POST', `/api/rpc/oneway/${id}`, body)).json().rpcId;
    };
    const alarm = async ({ id }: Device): Promise<string> => {
      const body = { type: `hot ${who}`, severity: 'MAJOR', originator: { entityType: 'DEVICE', id } };
      return (await harness.api('POST', '/api/alarm', body)).json().id.id;
    };
    const [mine, theirs] = [await persistent(own), await persistent(foreign)];
    expect((await call('GET', `/api/rpc/persistent/${mine}`)).statusCode).toBe(200);
    expect((await call('GET', `/api/rpc/persistent/${theirs}`)).statusCode).toBe(404);
    expect((await call('DELETE', `/api/rpc/persistent/${theirs}`)).statusCode).toBe(404);
    expect((await call('DELETE', `/api/rpc/persistent/${mine}`)).statusCode).toBe(200);
    const [hot, cold] = [await alarm(own), await alarm(foreign)];
    expect((await call('POST', `/api/alarm/${hot}/ack`)).statusCode).toBe(200);
    for (const path of ['', '/ack', '/clear']) {
      const answer = await call(path === '' ? 'GET' : 'POST', `/api/alarm/${cold}${path}`);
      expect([path, answer.statusCode]).toEqual([path, 404]);
    }
  });

  it('sees its part of the tree from its top down, and no other tree', async () => {
    expect(await names(TREES)).toEqual(['grid']);
    expect(await names(`${TREES}/grid/nodes`)).toEqual(['north']);
    expect(await names(`${TREES}/grid/nodes?parent=ASSET:area/north`)).toEqual(['street']);
    expect((await call('GET', `${TREES}/grid/nodes?parent=ASSET:area/south`)).statusCode).toBe(404);
    expect((await call('GET', `${TREES}/other/nodes`)).statusCode).toBe(404);
    expect(await names(`${TREES}/grid/nodes/DEVICE:own-1/path`)).toEqual(['north', 'street', 'own-1']);
    expect((await call('GET', `${TREES}/grid/nodes/DEVICE:foreign-1/path`)).statusCode).toBe(404);
    expect((await call('GET', '/api/gridmoor/tree-memberships/DEVICE:own-1')).json()).toEqual({ data: ['grid'] });
    expect((await call('GET', '/api/gridmoor/tree-memberships/DEVICE:foreign-1')).statusCode).toBe(404);
  });

  it('exports its own devices and its part of the tree', async () => {
    expect(await names('/api/gridmoor/export/devices')).toEqual(['own-1']);
    expect((await call('GET', '/api/gridmoor/export/devices?trees=true')).statusCode).toBe(403);
    const { rows } = (await call('GET', '/api/gridmoor/export/trees/grid')).json();
    expect(rows).toEqual([
      { entity: 'ASSET:area/north' },
      { entity: 'ASSET:area/street', parent: 'ASSET:area/north' },
      { entity: 'DEVICE:own-1', parent: 'ASSET:area/street' },
    ]);
    expect((await call('GET', '/api/gridmoor/export/trees/other')).statusCode).toBe(404);
  });

  it('moves within its part, and takes nothing in, out of the way, or up', async () => {
    const move = (entity: string, parent?: string) =>
      call('PUT', `${TREES}/grid/nodes/${encodeURIComponent(entity)}`, parent === undefined ? {} : { parent });
    expect((await move('DEVICE:own-1', 'ASSET:area/north')).statusCode).toBe(200);
    expect(await names(`${TREES}/grid/nodes/DEVICE:own-1/path`)).toEqual(['north', 'own-1']);
    expect((await move('DEVICE:own-1', 'ASSET:area/street')).statusCode).toBe(200);
    const refused = [
      await move('DEVICE:own-1', 'ASSET:area/south'),
      await move('DEVICE:own-1'),
      await move('DEVICE:foreign-1', 'ASSET:area/north'),
      await move('ASSET:area/north', 'ASSET:area/street'),
      await call('POST', `${TREES}/grid/nodes`, { entity: 'DEVICE:foreign-1', parent: 'ASSET:area/north' }),
      await call('DELETE', `${TREES}/grid/nodes/DEVICE:foreign-1`),
      await call('DELETE', `${TREES}/grid/nodes/ASSET:area%2Fnorth`),
      await call('DELETE', `${TREES}/other/nodes/DEVICE:own-1`),
      await call('DELETE', `${TREES}/grid`),
    ].map(({ statusCode }) => statusCode);
    expect(refused).toEqual([404, 403, 404, 403, 403, 404, 403, 404, 403]);
    expect(await harness.core.trees.path('grid', `DEVICE:${foreign.id}`)).toEqual([
      `ASSET:${assets.south}`,
      `DEVICE:${foreign.id}`,
    ]);
  });

  it('gains and loses sight of what moves into its part and out of it, at once', async () => {
    const { trees } = harness.core;
    const ref = `DEVICE:${foreign.id}` as const;
    const read = async () => (await call('GET', `/api/device/${foreign.id}`)).statusCode;
    await trees.move('grid', { ref, parent: `ASSET:${assets.street}` }, 'test');
    expect([await read(), await names('/api/tenant/devices')]).toEqual([200, ['foreign-1', 'own-1']]);
    await trees.move('grid', { ref: `ASSET:${assets.street}`, parent: `ASSET:${assets.south}` }, 'test');
    expect([await read(), await names('/api/tenant/devices')]).toEqual([404, []]);
    await trees.move('grid', { ref: `ASSET:${assets.street}`, parent: `ASSET:${assets.north}` }, 'test');
    expect([await read(), await names('/api/tenant/devices')]).toEqual([200, ['foreign-1', 'own-1']]);
    await trees.move('grid', { ref, parent: `ASSET:${assets.south}` }, 'test');
    expect(await read()).toBe(404);
  });
});

describe('a part of a tree', () => {
  const make = (body: object) =>
    harness.api('POST', '/api/gridmoor/api-keys', { name: 'x', role: 'operator', ...body });

  it.each([
    { subtree: 'grid' },
    { subtree: '' },
    { subtree: '/ASSET:area/north' },
    { subtree: 'grid/GRID:north' },
    { subtree: 7 },
    { subtree: 'grid/ASSET:area/north', role: 'administrator' },
    { subtree: 'grid/ASSET:area/north', role: 'supplier', supplier: 'nobody' },
    { subtree: 'grid/ASSET:area/north', subscribe: ['app/#'] },
    { subtree: 'grid/ASSET:area/north', publish: ['app/x'] },
  ])('is refused for a key: %j', async (body) => {
    expect([400, 404]).toContain((await make(body)).statusCode);
  });

  it('must be there when it is given: its tree, its node', async () => {
    for (const subtree of [
      'nowhere/ASSET:area/north',
      'other/ASSET:area/north',
      'grid/DEVICE:nobody',
      '__proto__/ASSET:area/north',
    ])
      expect([subtree, (await make({ subtree })).statusCode]).toEqual([subtree, 404]);
  });

  it('that is a device alone shows that device; one that left its tree shows nothing', async () => {
    const key = (await make({ subtree: 'other/DEVICE:own-1', role: 'read-only' })).json();
    const seen = async () =>
      (await harness.api('GET', '/api/tenant/devices', undefined, key.secretKey)).json().totalElements;
    expect(await seen()).toBe(1);
    await harness.core.trees.take('other', { ref: `DEVICE:${own.id}` }, 'test');
    expect(await seen()).toBe(0);
    expect((await harness.api('GET', `/api/device/${own.id}`, undefined, key.secretKey)).statusCode).toBe(404);
    expect((await harness.api('GET', `${TREES}/other/nodes`, undefined, key.secretKey)).json()).toEqual({ data: [] });
  });

  it('lists only routes that there are', () => {
    const known = new Set(routes.map(nameOf));
    expect([...SUBTREE_ROUTES.keys()].filter((name) => !known.has(name))).toEqual([]);
  });
});
