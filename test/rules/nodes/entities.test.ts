import { describe, expect, it } from 'vitest';
import { WORLDS } from '../../helpers/entity-worlds.ts';

describe.each(Object.entries(WORLDS))('nodes on entities in the world of the %s', (_, make) => {
  it('what a message saves as an asset is read back by the next message of a device', async () => {
    await using world = await make({ relations: [{ from: 'ASSET B1', type: 'Contains', to: 'meter-1' }] });
    const change = { originatorSource: 'RELATED', relationsQuery: { direction: 'TO' } };
    const asAsset = await world.run('transform/change-originator', change, { data: { power: 7 } });
    expect(asAsset).toMatchObject({ relation: 'Success', msg: { originator: { entityType: 'ASSET', name: 'B1' } } });
    await world.run('action/save-telemetry', {}, { from: 'ASSET B1', data: { power: 7 } });
    await world.run(
      'action/save-attributes',
      { scope: 'SERVER_SCOPE' },
      { from: 'ASSET B1', type: 'POST_ATTRIBUTES_REQUEST', data: { limit: 10 } },
    );
    const query = { relationsQuery: { direction: 'TO' }, fetchTo: 'DATA' };
    const attributes = { ...query, dataMapping: { limit: 'limit' } };
    expect((await world.run('enrich/related-data', attributes)).msg.data).toEqual({ limit: 10 });
    const telemetry = { ...query, dataToFetch: 'LATEST_TELEMETRY', dataMapping: { power: 'total' } };
    expect((await world.run('enrich/related-data', telemetry)).msg.data).toEqual({ total: 7 });
    const fields = { ...query, dataToFetch: 'FIELDS', dataMapping: { name: 'building', nothing: 'x' } };
    expect((await world.run('enrich/related-data', fields)).msg.data).toEqual({ building: 'B1' });
  });

  it.each([
    ['CUSTOMER', 'CUSTOMER', 'ACME'],
    ['TENANT', 'TENANT', 'Tenant'],
  ])('change originator to the %s', async (originatorSource, entityType, name) => {
    await using world = await make({ devices: [{ name: 'meter-1', customer: 'ACME' }] });
    const { msg } = await world.run('transform/change-originator', { originatorSource });
    expect(msg.originator).toMatchObject({ entityType, name });
    const nobody = await world.run(
      'transform/change-originator',
      { originatorSource: 'CUSTOMER' },
      { from: 'meter-2' },
    );
    expect(nobody).toMatchObject({ relation: 'Failure' });
  });

  it('change originator to that of an alarm', async () => {
    await using world = await make();
    const { id } = await world.named('ASSET B1');
    const run = (data: object) =>
      world.run('transform/change-originator', { originatorSource: 'ALARM_ORIGINATOR' }, { data: { ...data } });
    expect((await run({ originator: { entityType: 'ASSET', id } })).msg.originator).toMatchObject({ name: 'B1' });
    for (const data of [{}, { originator: 'x' }, { originator: { entityType: 'ALARM', id } }, { originator: null }]) {
      expect((await run(data)).relation).toBe('Failure');
    }
  });

  it('a walk goes as deep as asked, the near ones first, and ends in a ring', async () => {
    await using world = await make({
      relations: [
        { from: 'meter-1', type: 'Contains', to: 'ASSET near' },
        { from: 'ASSET near', type: 'Contains', to: 'ASSET far' },
        { from: 'ASSET far', type: 'Contains', to: 'meter-1' },
      ],
      attributes: {
        'ASSET near': { SERVER_SCOPE: { name: 'near' } },
        'ASSET far': { SERVER_SCOPE: { name: 'far' } },
      },
    });
    const found = async (query: object) => {
      const config = { relationsQuery: query, dataMapping: { name: 'name' }, fetchTo: 'DATA' };
      return (await world.run('enrich/related-data', config)).msg.data;
    };
    expect(await found({ maxLevel: 0 })).toEqual({ name: 'near' });
    expect(await found({ maxLevel: 2, fetchLastLevelOnly: true })).toEqual({ name: 'far' });
    expect(await found({ maxLevel: 2, filters: [{ relationType: 'Contains', entityTypes: ['DEVICE'] }] })).toEqual({});
    expect(await found({ filters: [{ relationType: 'Contains', negate: true }] })).toEqual({});
  });

  it('check relation: any entity, a type, one by name; the other way round there is none', async () => {
    await using world = await make({ relations: [{ from: 'ASSET B1', type: 'Contains', to: 'meter-1' }] });
    const check = async (config: object) => (await world.run('filter/check-relation', config)).relation;
    expect(await check({ direction: 'TO', checkForSingleEntity: false })).toBe('True');
    expect(await check({ direction: 'TO', checkForSingleEntity: false, entityType: 'CUSTOMER' })).toBe('False');
    expect(await check({ direction: 'TO', entityType: 'ASSET', entityName: 'B1' })).toBe('True');
    expect(await check({ direction: 'TO', entityType: 'ASSET', entityName: 'B2' })).toBe('False');
    expect(await check({ direction: 'FROM', entityType: 'ASSET', entityName: 'B1' })).toBe('False');
    const { id } = await world.named('ASSET B1');
    expect(await check({ direction: 'TO', entityType: 'ASSET', entityId: id })).toBe('True');
    expect(await check({ direction: 'TO', relationType: 'Manages', checkForSingleEntity: false })).toBe('False');
  });

  it('what attachments are made of is theirs alone', async () => {
    await using world = await make({ assets: [{ name: 'S', type: 'PowerSupplier' }] });
    const config = { direction: 'TO', relationType: '${type}', entityType: 'ASSET', entityNamePattern: 'S' };
    const run = (kind: string, more: object = {}) =>
      world.run(kind, { ...config, ...more }, { metadata: { type: 'Supplies' } });
    expect((await run('action/create-relation')).msg.metadata.error).toMatch(/belong to attachments/);
    expect((await run('action/delete-relation')).msg.metadata.error).toMatch(/belong to attachments/);
    const create = { relationType: 'Contains', entityNamePattern: 'G', createEntityIfNotExists: true };
    const made = await run('action/create-relation', { ...create, entityTypePattern: 'Grid' });
    expect(made.msg.metadata.error).toMatch(/are made by suppliers and attachments only/);
  });

  it('delete attributes: what was there goes and is told', async () => {
    await using world = await make({ attributes: { 'meter-1': { SERVER_SCOPE: { a: 1, b: 2, c: 3 } } } });
    const config = { keys: ['a', '${key}', 'none'], sendAttributesDeletedNotification: true };
    await world.run('action/delete-attributes', config, { metadata: { key: 'b' } });
    expect(await world.attributes('meter-1', 'SERVER_SCOPE')).not.toHaveProperty('a');
    expect(await world.attributes('meter-1', 'SERVER_SCOPE')).toMatchObject({ c: 3 });
    expect(world.events()).toEqual(['ATTRIBUTES_DELETED meter-1 {"attributes":["a","b"]}']);
    await world.run('action/delete-attributes', config, { metadata: { key: 'b' } });
    expect(world.events()).toHaveLength(1);
  });

  it('calculate delta is exact, per originator, and reads the store once', async () => {
    await using world = await make({ telemetry: { 'meter-1': [{ ts: 1_000, values: { energy: 0.1 } }] } });
    const delta = world.node('enrich/calculate-delta', { inputValueKey: 'energy', addPeriodBetweenMsgs: true });
    const run = async (energy: unknown, ts: number, from = 'meter-1') =>
      (await delta({ from, data: { energy: energy as number }, metadata: { ts: String(ts) } })).msg.data;
    expect(await run(0.3, 2_000)).toEqual({ energy: 0.3, delta: 0.2, periodInMs: 1_000 });
    expect(await run('0.7', 2_500)).toEqual({ energy: '0.7', delta: 0.4, periodInMs: 500 });
    expect(await run(5, 1, 'meter-2')).toEqual({ energy: 5, delta: 0, periodInMs: 0 });
    expect((await delta({ data: { energy: 'many' } })).relation).toBe('Failure');
    expect((await delta({ data: { energy: 0.1 } })).msg.metadata.error).toMatch(/negative/);
    const rounding = world.node('enrich/calculate-delta', { inputValueKey: 'energy', round: 1, useCache: false });
    expect((await rounding({ data: { energy: 0.35 } })).msg.data).toMatchObject({ delta: 0.3 });
  });

  it('originator telemetry: first, last, all and aggregated', async () => {
    await using world = await make({
      telemetry: { 'meter-1': [1, 2, 3, 4].map((n) => ({ ts: n * 10, values: { a: n } })) },
    });
    const range = { useMetadataIntervalPatterns: true, startIntervalPattern: '10', endIntervalPattern: '40' };
    const read = async (more: object) =>
      (await world.run('enrich/originator-telemetry', { latestTsKeyNames: ['a'], ...range, ...more })).msg.metadata.a;
    expect(await read({ fetchMode: 'FIRST' })).toBe('1');
    expect(await read({ fetchMode: 'LAST' })).toBe('3');
    expect(await read({ fetchMode: 'ALL', orderBy: 'DESC', limit: 2 })).toBe(
      '[{"ts":30,"value":3},{"ts":20,"value":2}]',
    );
    expect(await read({ fetchMode: 'ALL', aggregation: 'SUM' })).toBe('[{"ts":25,"value":6}]');
    expect(await read({ fetchMode: 'ALL', aggregation: 'AVG' })).toBe('[{"ts":25,"value":2}]');
  });

  it('a formula over body, metadata, attributes and telemetry is stored where it says', async () => {
    await using world = await make({
      attributes: { 'meter-1': { SERVER_SCOPE: { factor: 2 } } },
      telemetry: { 'meter-1': [{ ts: 1, values: { offset: 0.5 } }] },
    });
    const config = {
      arguments: [
        { name: 'x', type: 'MESSAGE_BODY', key: 'x' },
        { name: 'y', type: 'MESSAGE_METADATA', key: 'y', defaultValue: 3 },
        { name: 'f', type: 'ATTRIBUTE', key: 'factor', attributeScope: 'SERVER_SCOPE' },
        { name: 'o', type: 'TIME_SERIES', key: 'offset' },
        { name: 'c', type: 'CONSTANT', key: '10' },
      ],
      customFunction: '(x + y) * f + o - c',
      result: { type: 'ATTRIBUTE', key: 'sum', attributeScope: 'SERVER_SCOPE', addToBody: true, addToMetadata: true },
    };
    const { relation, msg } = await world.run('action/math', config, { data: { x: 1.117 } });
    expect(msg).toMatchObject({ data: { x: 1.117, sum: -1.27 }, metadata: { sum: '-1.27' } });
    expect(relation).toBe('Success');
    expect(await world.attributes('meter-1', 'SERVER_SCOPE')).toMatchObject({ sum: -1.27 });
    const byZero = { ...config, customFunction: 'x / (c - 10)' };
    expect((await world.run('action/math', byZero, { data: { x: 1 } })).msg.metadata.error).toMatch(/no number/);
  });

  it('save telemetry: history without latest values, latest values without history, neither', async () => {
    await using world = await make();
    const save = (settings: object, data: Record<string, number>) =>
      world.run('action/save-telemetry', { processingSettings: settings }, { ts: 5, data, metadata: { ts: '5' } });
    await save({ type: 'ADVANCED', latest: { type: 'SKIP' } }, { a: 1 });
    await save({ type: 'WEBSOCKETS_ONLY' }, { b: 1 });
    const once = world.node('action/save-telemetry', {
      processingSettings: { type: 'DEDUPLICATE', deduplicationIntervalSecs: 60 },
    });
    for (const [ts, c] of [
      [60_000, 1],
      [119_999, 2],
      [120_000, 3],
    ] as const) {
      await once({ data: { c }, metadata: { ts: String(ts) } });
    }
    const range = { useMetadataIntervalPatterns: true, startIntervalPattern: '0', endIntervalPattern: '999999' };
    const all = { latestTsKeyNames: ['a', 'b', 'c'], fetchMode: 'ALL', ...range };
    const { metadata } = (await world.run('enrich/originator-telemetry', all)).msg;
    expect(metadata.a).toBe('[{"ts":5,"value":1}]');
    expect(metadata.b).toBeUndefined();
    expect(metadata.c).toBe('[{"ts":60000,"value":1},{"ts":120000,"value":3}]');
  });
});
