import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import type { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import { addDevice, type DialectBroker, enosNames, enosProfile, openThing, startDialects } from './kit.ts';
import { attributes, publishAndRead } from './messages.ts';

describe('attributes and tags of EnOS', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([enosProfile('rod')]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const online = async (deviceKey: string): Promise<{ id: string; client: MqttClient }> => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', deviceKey);
    const client = await openThing(broker, enosNames({ deviceKey, secret: deviceSecret }), { tls: false });
    expect(await client.connack()).toBe(0);
    return { id, client };
  };
  const asker = (client: MqttClient, name: string) => async (path: string, params: unknown) => {
    const text = await publishAndRead(client, `/sys/pK11111/${name}/thing/${path}`, { id: '1', params });
    return JSON.parse(text.slice(text.indexOf(' ') + 1));
  };

  it('attributes are updated, queried with those of the server, and deleted', async () => {
    const { id, client } = await online('attr');
    await using _ = client;
    const ask = asker(client, 'attr');
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { limit: 5 } });
    await client.message();
    expect(await ask('attribute/update', { attributes: { phases: 3, vendor: 'x' } })).toMatchObject({ code: 200 });
    expect(await ask('attribute/query', { attributes: [] })).toMatchObject({
      data: { phases: 3, vendor: 'x', limit: 5 },
    });
    expect((await ask('attribute/query', { attributes: ['limit', 'none'] })).data).toEqual({ limit: 5 });
    expect(await ask('attribute/delete', { attributes: ['phases', 'limit'] })).toMatchObject({ code: 200 });
    expect((await ask('attribute/query', [])).data).toEqual({ vendor: 'x', limit: 5 });
    expect(await attributes(broker, id, 'CLIENT')).toEqual({ vendor: 'x' });
  });

  it('deleting all attributes leaves the firmware version that was reported, as a query of all does', async () => {
    const { id, client } = await online('attr-all');
    await using _ = client;
    const ask = asker(client, 'attr-all');
    await publishAndRead(client, '/sys/pK11111/attr-all/ota/device/inform', { id: '1', params: { version: '1.0' } });
    await ask('attribute/update', { attributes: { vendor: 'x' } });
    expect((await ask('attribute/query', [])).data).toEqual({ vendor: 'x' });
    expect(await ask('attribute/delete', { attributes: [] })).toMatchObject({ code: 200 });
    expect(await attributes(broker, id, 'CLIENT')).toEqual({ fw_version: '1.0' });
  });

  it('tags stand beside attributes; the 101st is refused', async () => {
    const { id, client } = await online('tagged');
    await using _ = client;
    const ask = asker(client, 'tagged');
    await ask('attribute/update', { attributes: { a: 1 } });
    expect(await ask('tag/update', [{ tagKey: 'floor', tagValue: '3' }])).toMatchObject({ code: 200 });
    expect((await ask('tag/query', { tags: [] })).data).toEqual([{ tagKey: 'floor', tagValue: '3' }]);
    expect((await ask('attribute/query', [])).data).toEqual({ a: 1 });
    const many = (count: number) => Array.from({ length: count }, (_, at) => ({ tagKey: `t${at}`, tagValue: '' }));
    expect(await ask('tag/update', many(100))).toMatchObject({ code: 1220 });
    expect(await ask('tag/update', many(99))).toMatchObject({ code: 200 });
    expect(await ask('tag/delete', { tags: many(99).map(({ tagKey }) => tagKey) })).toMatchObject({ code: 200 });
    expect(await attributes(broker, id, 'CLIENT')).toEqual({ a: 1, tag_floor: '3' });
  });

  it.each([
    ['attribute/update', { attributes: [1] }],
    ['attribute/update', 'x'],
    ['attribute/query', { attributes: 'limit' }],
    ['attribute/delete', [1]],
    ['tag/update', { tagKey: 'a', tagValue: 'b' }],
    ['tag/update', [{ tagKey: '', tagValue: 'b' }]],
    ['tag/query', { tags: [null] }],
    ['tag/delete', { tags: { a: 1 } }],
  ])('%s refuses %j', async (path, params) => {
    const name = `bad-${Buffer.from(path + JSON.stringify(params)).toString('hex')}`.slice(0, 60);
    const { client } = await online(name);
    await using _ = client;
    expect(await asker(client, name)(path, params)).toMatchObject({ code: 1220 });
  });
});
