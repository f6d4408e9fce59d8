import { describe, expect, it } from 'vitest';
import type { MsgData } from '../../../src/model/msg.ts';
import { Secret } from '../../../src/model/secret.ts';
import { WORLDS, type World } from '../../helpers/entity-worlds.ts';

const ATTRIBUTES = 'POST_ATTRIBUTES_REQUEST';

/** Label, and metadata `error` of a failure. */
async function labelOf(world: World, kind: string, config: object, msg: Parameters<World['run']>[2] = {}) {
  const { relation, msg: out } = await world.run(kind, config, msg);
  return relation === 'Failure' ? `Failure: ${out.metadata.error}` : relation;
}

describe.each(Object.entries(WORLDS))('nodes in the world of the %s', (_, make) => {
  it('case 40: check fields presence', async () => {
    await using world = await make();
    const check = (config: object, data: unknown) =>
      labelOf(world, 'filter/check-fields', config, { data: data as MsgData });
    expect(await check({ msg: ['serial'] }, { serial: null })).toBe('True');
    expect(await check({ msg: ['serial'] }, ['serial'])).toMatch(/^Failure: the body is an array/);
    expect(await check({ all: false }, { serial: 1 })).toBe('False');
    expect(await check({ all: true }, { serial: 1 })).toBe('True');
  });

  it('case 41: a missing attribute is a failure with the found one in the metadata', async () => {
    await using world = await make({ attributes: { 'meter-1': { SERVER_SCOPE: { tariff: '2.0TD', limit: 5 } } } });
    const config = { serverAttributeNames: ['tariff', 'contract'] };
    const absent = await world.run('enrich/originator-attributes', config);
    expect(absent.relation).toBe('Failure');
    expect(absent.msg.metadata).toEqual({ ss_tariff: '2.0TD', error: 'has no value for ss_contract' });
    const lenient = await world.run('enrich/originator-attributes', { ...config, tellFailureIfAbsent: false });
    expect(lenient).toMatchObject({ relation: 'Success', msg: { metadata: { ss_tariff: '2.0TD' } } });
    const named = { serverAttributeNames: ['${which}'], fetchTo: 'DATA' };
    const inData = await world.run('enrich/originator-attributes', named, { metadata: { which: 'limit' } });
    expect(inData.msg.data).toEqual({ ss_limit: 5 });
  });

  it('case 42: of two related assets the first one of a stable order gives its data', async () => {
    await using world = await make({
      relations: ['B1', 'B2', 'B3'].map((name) => ({ from: `ASSET ${name}`, type: 'Contains', to: 'meter-1' })),
      attributes: Object.fromEntries(['B1', 'B2', 'B3'].map((n) => [`ASSET ${n}`, { SERVER_SCOPE: { name: n } }])),
    });
    const ids = await Promise.all(['B1', 'B2', 'B3'].map(async (n) => [(await world.named(`ASSET ${n}`)).id, n]));
    const first = ids.sort()[0]?.[1];
    const config = {
      relationsQuery: { direction: 'TO', filters: [{ relationType: 'Contains', entityTypes: ['ASSET'] }] },
      dataMapping: { name: 'building' },
    };
    for (let round = 0; round < 5; round++) {
      expect((await world.run('enrich/related-data', config)).msg.metadata).toEqual({ building: first });
    }
    const wrongWay = { ...config, relationsQuery: { ...config.relationsQuery, direction: 'FROM' } };
    expect(await labelOf(world, 'enrich/related-data', wrongWay)).toMatch(/^Failure: there is no/);
  });

  it('case 43: metadata scope wins over the scope of save attributes', async () => {
    await using world = await make();
    const msg = { type: ATTRIBUTES, data: { limit: 5 }, metadata: { scope: 'SHARED_SCOPE' } };
    expect(await labelOf(world, 'action/save-attributes', { scope: 'CLIENT_SCOPE' }, msg)).toBe('Success');
    expect(await world.attributes('meter-1', 'SHARED_SCOPE')).toEqual({ limit: 5 });
    expect((await world.attributes('meter-1', 'CLIENT_SCOPE')).limit).toBeUndefined();
  });

  it('case 44: save attributes takes no ATTRIBUTES_UPDATED', async () => {
    await using world = await make();
    const msg = { type: 'ATTRIBUTES_UPDATED', data: { limit: 5 } };
    expect(await labelOf(world, 'action/save-attributes', {}, msg)).toMatch(/^Failure: .*ATTRIBUTES_UPDATED/);
  });

  it('case 45: the same values again are no write and no event', async () => {
    await using world = await make();
    const save = world.node('action/save-attributes', {
      scope: 'SERVER_SCOPE',
      sendAttributesUpdatedNotification: true,
    });
    const msg = { type: ATTRIBUTES, data: { limit: 5, tariff: '2.0TD' } };
    for (const change of [{}, {}, { limit: 6 }]) {
      expect((await save({ ...msg, data: { ...msg.data, ...change } })).relation).toBe('Success');
    }
    expect(world.events()).toEqual([
      'ATTRIBUTES_UPDATED meter-1 {"limit":5,"tariff":"2.0TD"}',
      'ATTRIBUTES_UPDATED meter-1 {"limit":6}',
    ]);
    await world.run(
      'action/save-attributes',
      { scope: 'CLIENT_SCOPE', sendAttributesUpdatedNotification: true },
      { type: ATTRIBUTES, data: { model: 'GW-1' } },
    );
    expect(world.events()).toHaveLength(2);
  });

  it('case 46: create relation TO gives asset -> device, once', async () => {
    await using world = await make({ assets: [{ name: 'G1' }] });
    const create = world.node('action/create-relation', {
      direction: 'TO',
      relationType: 'Contains',
      entityType: 'ASSET',
      entityNamePattern: 'G1',
    });
    expect((await create()).relation).toBe('Success');
    expect((await create()).relation).toBe('Success');
    expect(await world.relationsTo('meter-1')).toEqual(['ASSET G1 Contains meter-1']);
    expect(await world.relationsTo('ASSET G1')).toEqual([]);
  });

  it('case 47: removeCurrentRelations removes all of the type and direction, and no other type', async () => {
    await using world = await make({
      assets: [{ name: 'New' }],
      relations: [
        { from: 'ASSET S', type: 'Contains', to: 'meter-1' },
        { from: 'ASSET G', type: 'Contains', to: 'meter-1' },
        { from: 'ASSET G', type: 'Manages', to: 'meter-1' },
        { from: 'meter-1', type: 'Contains', to: 'ASSET P' },
      ],
    });
    const config = { direction: 'TO', entityType: 'ASSET', entityNamePattern: 'New', removeCurrentRelations: true };
    expect(await labelOf(world, 'action/create-relation', config)).toBe('Success');
    expect(await world.relationsTo('meter-1')).toEqual(['ASSET G Manages meter-1', 'ASSET New Contains meter-1']);
    expect(await world.relationsTo('ASSET P')).toEqual(['meter-1 Contains ASSET P']);
  });

  it('case 48: a missing asset is a failure, or is created once, also by two messages at once', async () => {
    await using world = await make();
    const config = {
      direction: 'TO',
      entityType: 'ASSET',
      entityNamePattern: '$[building]',
      entityTypePattern: 'Building',
    };
    const msg = { data: { building: 'B1' } };
    expect(await labelOf(world, 'action/create-relation', config, msg)).toMatch(/^Failure: there is no ASSET/);
    const create = world.node('action/create-relation', { ...config, createEntityIfNotExists: true });
    const results = await Promise.all([create(msg), create({ ...msg, from: 'meter-2' })]);
    expect(results.map(({ relation }) => relation)).toEqual(['Success', 'Success']);
    expect(await world.named('ASSET B1')).toMatchObject({ name: 'B1', profile: 'Building' });
    expect(world.events()).toEqual(['ENTITY_CREATED ASSET B1']);
    expect(await world.relationsTo('meter-2')).toEqual(['ASSET B1 Contains meter-2']);
    expect(await world.relationsTo('meter-1')).toEqual(['ASSET B1 Contains meter-1']);
    // A placeholder without a value never becomes the name of an asset.
    expect((await create({ data: {} })).relation).toBe('Failure');
  });

  it('case 49: delete relation of one entity', async () => {
    await using world = await make({ relations: [{ from: 'ASSET G1', type: 'Contains', to: 'meter-1' }] });
    const config = { direction: 'TO', deleteForSingleEntity: true, entityType: 'ASSET', entityNamePattern: 'G1' };
    expect(await labelOf(world, 'action/delete-relation', config)).toBe('Success');
    expect(await world.relationsTo('meter-1')).toEqual([]);
    expect(await labelOf(world, 'action/delete-relation', config)).toBe('Success');
    const nowhere = { ...config, entityNamePattern: 'G2' };
    expect(await labelOf(world, 'action/delete-relation', nowhere)).toMatch(/^Failure: there is no ASSET/);
  });

  it('case 50: assign to a customer by title', async () => {
    await using world = await make({ devices: [{ name: 'meter-1', customer: 'Other' }] });
    const config = { customerNamePattern: '$[customer]' };
    const msg = { data: { customer: 'ACME' } };
    expect(await labelOf(world, 'action/assign-customer', config, msg)).toMatch(/^Failure: there is no customer/);
    expect(await world.owner('meter-1')).toBe('Other');
    const create = { ...config, createCustomerIfNotExists: true };
    expect(await labelOf(world, 'action/assign-customer', create, msg)).toBe('Success');
    expect(await world.owner('meter-1')).toBe('ACME');
    expect(world.events()).toEqual(['ENTITY_CREATED CUSTOMER ACME']);
    expect(await labelOf(world, 'action/unassign-customer', {})).toBe('Success');
    expect(await world.owner('meter-1')).toBeUndefined();
    expect(await labelOf(world, 'action/assign-customer', create, { ...msg, from: 'TENANT' })).toMatch(/^Failure/);
  });

  it('case 51: delete keys by regular expression takes the secret out of the message', async () => {
    await using world = await make();
    const data = { Power_supplier_secret_key: new Secret('hidden text'), CUPS: 'ES1234123456789012JY' };
    const { msg } = await world.run('transform/delete-keys', { msg: ['Power_.*'], regex: true }, { data });
    expect(msg.data).toEqual({ CUPS: 'ES1234123456789012JY' });
  });

  it('case 52: a key that is renamed to itself stays', async () => {
    await using world = await make();
    const { msg } = await world.run('transform/rename-keys', { msg: { a: 'a', b: 'c' } }, { data: { a: 1, b: 2 } });
    expect(msg.data).toEqual({ a: 1, c: 2 });
  });

  it('case 53: split array', async () => {
    await using world = await make();
    const split = (data: unknown) => world.run('transform/split-array', {}, { data: data as MsgData });
    const { relation, msg, more = [] } = await split([{ a: 1 }, { a: 2 }, 3]);
    expect(relation).toBe('Success');
    expect([msg, ...more].map(({ data }) => data)).toEqual([{ a: 1 }, { a: 2 }, 3]);
    expect(new Set([msg, ...more].map(({ id }) => id)).size).toBe(3);
    expect((await split([])).relation).toEqual([]);
    expect((await split([{ a: 1 }])).more).toBeUndefined();
    expect((await split({ a: 1 })).relation).toBe('Failure');
  });
});
