import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

const IMPORT = '/api/gridmoor/import/devices';
const EXPORT = '/api/gridmoor/export/devices';
const profile = 'smart-meter';

describe('import and export of devices', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
    await harness.api('POST', '/api/gridmoor/import/trees/grid', { rows: [{ entity: 'ASSET:area/north' }] });
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  const post = async (url: string, body: object) => {
    const answer = await harness.api('POST', url, body);
    return { status: answer.statusCode, ...answer.json() };
  };
  const take = (rows: readonly object[], options: object = {}) => post(IMPORT, { rows, ...options });
  const exported = async (query = '') => (await harness.api('GET', `${EXPORT}${query}`)).json();
  const only = async (name: string, query = '?server=site,limit&shared=interval&trees=true&pageSize=1000') =>
    (await exported(query)).data.find((row: { name: string }) => row.name === name);

  const whole = {
    name: 'whole',
    profile,
    label: 'cellar',
    gateway: true,
    state: 'disabled',
    attributes: { server: { site: '0012', limit: 7 }, shared: { interval: { s: 15 } } },
    trees: [{ tree: 'grid', parent: 'ASSET:area/north' }],
  };

  it('a device comes out as it went in, with its attributes and its places in trees', async () => {
    expect(await take([whole])).toMatchObject({ created: 1, refused: [] });
    expect(await only('whole')).toEqual(whole);
    expect(await only('whole', '')).toEqual({
      name: 'whole',
      profile,
      label: 'cellar',
      gateway: true,
      state: 'disabled',
    });
  });

  it('numbers keep their digits', async () => {
    const payload = `{"rows":[{"name":"exact","profile":"${profile}","attributes":{"server":{"limit":12345678901234567890}}}]}`;
    const headers = { 'content-type': 'application/json', authorization: 'Bearer gma_planted-admin-key-0123456789' };
    expect((await harness.inject({ method: 'POST', url: IMPORT, headers, payload })).json()).toMatchObject({
      created: 1,
    });
    expect((await harness.api('GET', `${EXPORT}?server=limit`)).payload).toContain('"limit":12345678901234567890}');
  });

  it('the same again changes nothing; what a device lacks is added, what it has otherwise only by "update"', async () => {
    const first = { name: 'again', profile, attributes: { server: { site: 'a' } } };
    await take([first]);
    expect(await take([first])).toMatchObject({ created: 0, refused: [{ row: 1, code: 'NAME_TAKEN', field: 'name' }] });
    expect(await take([first], { existing: 'complete' })).toMatchObject({ known: 1, refused: [] });
    const more = { ...first, label: 'roof', trees: [{ tree: 'grid' }] };
    expect(await take([more], { existing: 'complete' })).toMatchObject({ changed: 1, refused: [] });
    const other = { ...more, label: 'wall', attributes: { server: { site: 'b' } }, state: 'disabled' };
    const refused = await take([other], { existing: 'complete' });
    expect(refused.refused).toMatchObject([{ row: 1, code: 'NAME_TAKEN', field: 'label' }]);
    expect(await only('again')).toEqual({ ...more, state: 'active' });
    expect(await take([{ ...other, trees: [] }], { existing: 'update' })).toMatchObject({ changed: 1 });
    expect(await only('again')).toEqual({ ...other, trees: [{ tree: 'grid' }] });
    const moved = { ...other, state: 'active', trees: [{ tree: 'grid', parent: 'ASSET:area/north' }] };
    expect(await take([moved], { existing: 'complete' })).toMatchObject({ refused: [{ field: 'trees/grid' }] });
    expect(await take([moved], { existing: 'update' })).toMatchObject({ changed: 1 });
    expect(await only('again')).toEqual(moved);
  });

  it.each([
    ['profile', { profile: 'nobody' }],
    ['name', { name: ' ' }],
    ['label', { label: 'a\u0007b' }],
    ['attributes/server/password', { attributes: { server: { password: 'x' } } }],
    ['attributes/shared/Power_supplier_secret_key', { attributes: { shared: { Power_supplier_secret_key: 'x' } } }],
    ['trees/none', { trees: [{ tree: 'none' }] }],
    ['trees/grid', { trees: [{ tree: 'grid', parent: 'ASSET:area/nowhere' }] }],
    ['trees/grid', { trees: [{ tree: 'grid', parent: 'DEVICE:exact' }] }],
    ['trees/grid', { trees: [{ tree: 'grid', parent: 'nonsense' }] }],
  ])('a row with a wrong %s is refused by its field before any of it is written', async (field, wrong) => {
    const row = { name: `wrong-${field}`, profile, label: 'x', ...wrong };
    for (const dryRun of [true, false]) {
      const answer = await take([row, { name: 'exact', profile }], { dryRun, existing: 'complete' });
      expect(answer).toMatchObject({ created: 0, known: 1, refused: [{ row: 1, field }] });
      expect(answer.refused[0].partly).toBeUndefined();
    }
    expect(await only(row.name)).toBeUndefined();
  });

  it('rows are done as if one after the other: the same twice, and what stands under a device of an earlier row', async () => {
    const rows = [
      { name: 'gw', profile, gateway: true, trees: [{ tree: 'grid' }] },
      { name: 'sub', profile, trees: [{ tree: 'grid', parent: 'DEVICE:gw' }] },
      { name: 'sub', profile },
      { name: 'sub', profile, label: 'other' },
      ...Array.from({ length: 120 }, (_, at) => ({ name: `many-${at % 100}`, profile })),
    ];
    expect(await take(rows, { existing: 'complete' })).toMatchObject({
      created: 102,
      changed: 1,
      known: 21,
      refused: [],
    });
    const refused = (await take(rows)).refused as readonly { readonly row: number }[];
    expect(refused.map(({ row }) => row)).toEqual(rows.map((_, at) => at + 1));
    expect(await only('sub')).toMatchObject({ label: 'other', trees: [{ tree: 'grid', parent: 'DEVICE:gw' }] });
  });

  it('a name with spaces around it is that of the device without them', async () => {
    const row = { name: ' spaced ', profile };
    const bare = { ...row, name: 'spaced' };
    expect(await take([row, bare], { existing: 'complete' })).toMatchObject({ created: 1, known: 1, refused: [] });
    for (const dryRun of [true, false]) {
      expect(await take([row], { existing: 'complete', dryRun })).toMatchObject({ known: 1, refused: [] });
    }
  });

  it('a label that no new device may have is refused for one that is there, in a dry run too', async () => {
    for (const dryRun of [true, false]) {
      const answer = await take([{ name: 'exact', profile, label: 'a\u0000b' }], { existing: 'update', dryRun });
      expect(answer).toMatchObject({ changed: 0, refused: [{ row: 1, code: 'BAD_REQUEST', field: 'label' }] });
    }
    expect((await only('exact')).label).toBeUndefined();
  });

  it('a profile of a device that is there is never changed', async () => {
    const answer = await take([{ name: 'exact', profile: 'limited' }], { existing: 'update' });
    expect(answer.refused).toMatchObject([{ field: 'profile', detail: expect.stringContaining('cannot be changed') }]);
  });

  it('a dry run writes nothing and says what would be', async () => {
    const before = await exported();
    const answer = await take(
      [
        { name: 'dry', profile },
        { name: 'exact', profile, label: 'new' },
      ],
      {
        dryRun: true,
        existing: 'update',
      },
    );
    expect(answer).toMatchObject({ created: 1, changed: 1, known: 0, refused: [] });
    expect(await exported()).toEqual(before);
  });

  it('the name of a retired device is refused, in a dry run too', async () => {
    await take([{ name: 'gone', profile, state: 'retired' }]);
    const row = { name: 'gone', profile, state: 'active' };
    for (const dryRun of [true, false]) {
      const answer = await take([row], { existing: 'update', dryRun });
      expect(answer.refused).toMatchObject([{ code: 'DEVICE_STATE', field: 'state' }]);
    }
    await harness.api('DELETE', `/api/device/${(await harness.core.registry.deviceByName('gone'))?.id}`);
    for (const dryRun of [true, false]) {
      expect((await take([row], { dryRun })).refused).toMatchObject([{ code: 'NAME_TAKEN', field: 'name' }]);
    }
  });

  it('secrets are not exported, whatever they are called', async () => {
    for (const key of ['password', 'Power_supplier_secret_key', 'api-token']) {
      const answer = await harness.api('GET', `${EXPORT}?server=site,${key}`);
      expect(answer.statusCode).toBe(400);
      expect(answer.json().detail).toContain(key);
    }
  });

  it.each([
    [{ rows: [{ name: 'x' }] }],
    [{ rows: [{ name: 'x', profile, token: 'y' }] }],
    [{ rows: [{ name: 'x', profile, state: 'asleep' }] }],
    [{ rows: [{ name: 'x', profile, attributes: { client: {} } }] }],
    [{ rows: [{ name: 'x', profile, trees: ['grid'] }] }],
    [{ rows: [], existing: 'ignore' }],
    [{ rows: Array.from({ length: 1_001 }, () => ({ name: 'x', profile })) }],
  ])('a body that is none is refused whole: %j', async (body) => {
    expect((await post(IMPORT, body)).status).toBe(400);
  });
});

describe('import of trees', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
    await harness.device('m1');
  });
  afterAll(() => harness[Symbol.asyncDispose]());
  const take = async (tree: string, rows: readonly object[], options: object = {}) =>
    (await harness.api('POST', `/api/gridmoor/import/trees/${tree}`, { rows, ...options })).json();
  const rows = [{ entity: 'ASSET:area/north' }, { entity: 'DEVICE:m1', parent: 'ASSET:area/north' }];

  it('a dry run makes no tree and no asset, and knows parents that stand before', async () => {
    const lost = { entity: 'ASSET:area/lost', parent: 'ASSET:area/south' };
    expect(await take('grid', [...rows, lost, { entity: 'DEVICE:m2' }], { dryRun: true })).toMatchObject({
      created: 2,
      refused: [
        { row: 3, code: 'NOT_FOUND', field: 'parent' },
        { row: 4, code: 'DEVICE_NOT_FOUND', field: 'entity' },
      ],
    });
    expect((await harness.api('GET', '/api/gridmoor/trees')).json()).toEqual({ data: [] });
    expect(await harness.deps.storage.assets.assetByName('area', 'north')).toBeUndefined();
  });

  it('the same again is known; another place is refused, and moved by "update"', async () => {
    expect(await take('grid', rows)).toMatchObject({ created: 2 });
    expect((await take('grid', rows)).refused).toHaveLength(2);
    expect(await take('grid', rows, { existing: 'complete' })).toMatchObject({ known: 2, refused: [] });
    const top = [{ entity: 'DEVICE:m1' }];
    for (const dryRun of [true, false]) {
      const answer = await take('grid', top, { existing: 'complete', dryRun });
      expect(answer.refused).toMatchObject([{ row: 1, code: 'NAME_TAKEN', field: 'parent' }]);
      expect(await take('grid', top, { existing: 'update', dryRun })).toMatchObject({ changed: 1 });
    }
    expect((await harness.api('GET', '/api/gridmoor/export/trees/grid')).json().rows).toContainEqual(top[0]);
  });
});
