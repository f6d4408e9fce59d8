import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import type { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import { addDevice, alibabaNames, alibabaProfile, type DialectBroker, openThing, startDialects } from './kit.ts';
import { attributes, history, latest, publishAndRead, rpc } from './messages.ts';

const SYS = '/sys/a1AbCdEfGhI';

describe('messages of Alibaba', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;

  beforeAll(async () => {
    chain = await eventChain('Other');
    dialects = await startDialects([alibabaProfile('light')], { chainsDir: chain.chainsDir });
    broker = dialects.broker;
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  const online = async (deviceName: string): Promise<{ id: string; client: MqttClient }> => {
    const { id, deviceSecret } = await addDevice(broker, 'light', deviceName);
    const client = await openThing(broker, alibabaNames({ deviceName, secret: deviceSecret }), { tls: false });
    expect(await client.connack()).toBe(0);
    return { id, client };
  };
  const set = (id: string, body: unknown) =>
    api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body });

  it('properties are stored with their own times, and the reply repeats an id of either type', async () => {
    const { id, client } = await online('light-props');
    await using _ = client;
    const topic = `${SYS}/light-props/thing/event/property/post`;
    const at = 1_700_000_000_000;
    const params = { on: true, power: { value: 7, time: at }, color: { value: { r: 1 }, time: at + 5 } };
    const text = await publishAndRead(client, topic, {
      id: 12,
      version: '1.0',
      method: 'thing.event.property.post',
      params,
    });
    expect(text).toBe(`${topic}_reply {"id":12,"code":200,"message":"success","data":{}}`);
    expect(await latest(broker, id)).toEqual({
      on: [expect.any(Number), true],
      power: [at, 7],
      color: [at + 5, { r: 1 }],
    });
    expect(await publishAndRead(client, topic, { id: '13', params: { power: { value: 5, time: at - 5 } } })).toContain(
      '200',
    );
    expect(await history(broker, id, 'power', at - 10, at + 10)).toEqual([
      [at, 7],
      [at - 5, 5],
    ]);
  });

  it.each([
    ['text that is no JSON', '{', 6207],
    ['an empty payload', '', 460],
    ['a method of another topic', '{"id":"1","method":"thing.event.x.post","params":{"a":1}}', 6300],
    ['no property', '{"id":"1","params":{}}', 460],
    ['a list', '{"id":"1","params":[1]}', 460],
  ])('a post is refused by code and the connection stays: %s', async (what, payload, code) => {
    const name = `bad-${what.replaceAll(' ', '-')}`.slice(0, 32);
    const { client } = await online(name);
    await using _ = client;
    const text = await publishAndRead(client, `${SYS}/${name}/thing/event/property/post`, payload);
    expect(text).toContain(`"code":${code}`);
    await client.alive();
  });

  it('events of either form reach the chain', async () => {
    const { client } = await online('light-event');
    await using _ = client;
    const topic = `${SYS}/light-event/thing/event/alarm/post`;
    const wrapped = { id: '1', params: { value: { level: 3 }, time: 1_700_000_000_000 } };
    expect(await publishAndRead(client, topic, wrapped)).toContain('"code":200');
    expect(await publishAndRead(client, topic, { id: '2', params: { level: 4 } })).toContain('"code":200');
    const kept = (await eventsOf(broker, 'light-event')).filter(({ msgType }) => msgType === 'EVENT_alarm');
    expect(kept.map(({ data }) => data)).toEqual([{ level: 3 }, { level: 4 }]);
    expect(kept[0]?.metadata.ts).toBe('1700000000000');
  });

  it('the time of the server comes with that of the device as it was', async () => {
    const { client } = await online('light-clock');
    await using _ = client;
    const asked = Date.now();
    const text = await publishAndRead(client, '/ext/ntp/a1AbCdEfGhI/light-clock/request', {
      deviceSendTime: '1571724098000',
    });
    const [topic, body = ''] = text.split(' ');
    expect(topic).toBe('/ext/ntp/a1AbCdEfGhI/light-clock/response');
    const times = JSON.parse(body);
    expect(times.deviceSendTime).toBe('1571724098000');
    expect(Number(times.serverSendTime)).toBeGreaterThanOrEqual(asked);
  });

  it('a service call reaches the device, and a property that it is set to', async () => {
    const { id, client } = await online('light-serve');
    await using _ = client;
    const call = rpc(broker, id, { method: 'property/set', params: { on: false }, timeout: 8_000 });
    const [topic = '', text = ''] = (await client.message()).split(' ');
    expect(topic).toBe(`${SYS}/light-serve/thing/service/property/set`);
    const { id: callId, method } = JSON.parse(text);
    expect(method).toBe('thing.service.property.set');
    await client.publish(`${topic}_reply`, JSON.stringify({ id: callId, code: 200, data: {} }));
    expect(await call).toEqual({ status: 200, body: {} });
    await set(id, { level: 9 });
    expect(await client.message()).toContain('/thing/service/property/set {"id":"set-0"');
  });

  it('desired values are shared attributes; one that was set anew since is not deleted', async () => {
    const { id, client } = await online('light-desired');
    await using _ = client;
    await set(id, { level: 9, on: true });
    await client.message();
    const topic = `${SYS}/light-desired/thing/property/desired`;
    const text = await publishAndRead(client, `${topic}/get`, { id: '1', params: ['level'] });
    const { data } = JSON.parse(text.split(' ')[1] ?? '');
    expect(data).toEqual({ level: { value: 9, version: expect.any(Number) } });
    const { version } = data.level;
    const old = { id: '2', params: { level: { version: version - 1 }, on: {} } };
    expect(await publishAndRead(client, `${topic}/delete`, old)).toContain('"code":200');
    expect(await attributes(broker, id, 'SHARED')).toEqual({ level: 9 });
    expect(await publishAndRead(client, `${topic}/delete`, { id: '3', params: { level: { version } } })).toContain(
      '200',
    );
    expect(await attributes(broker, id, 'SHARED')).toEqual({});
  });

  it('tags of a device are client attributes of their own', async () => {
    const { id, client } = await online('light-tags');
    await using _ = client;
    const topic = `${SYS}/light-tags/thing/deviceinfo`;
    const params = [
      { attrKey: 'floor', attrValue: '3' },
      { attrKey: 'room', attrValue: 'b' },
    ];
    expect(await publishAndRead(client, `${topic}/update`, { id: '1', params })).toContain('"code":200');
    expect(await attributes(broker, id, 'CLIENT')).toEqual({ tag_floor: '3', tag_room: 'b' });
    const gone = { id: '2', params: [{ attrKey: 'room' }] };
    expect(await publishAndRead(client, `${topic}/delete`, gone)).toContain('"code":200');
    expect(await attributes(broker, id, 'CLIENT')).toEqual({ tag_floor: '3' });
    expect(await publishAndRead(client, `${topic}/update`, { id: '3', params: [{ attrKey: 7 }] })).toContain(
      '"code":460',
    );
  });

  it('a shadow shows what the device reported and what it is to become', async () => {
    const { id, client } = await online('light-shadow');
    await using _ = client;
    await set(id, { on: true });
    await client.message();
    const topic = '/shadow/update/a1AbCdEfGhI/light-shadow';
    const read = async (body: unknown) => {
      const text = await publishAndRead(client, topic, body);
      expect(text).toMatch(/^\/shadow\/get\/a1AbCdEfGhI\/light-shadow \{/);
      return JSON.parse(text.slice(text.indexOf(' '))).payload;
    };
    expect(await read({ method: 'update', state: { reported: { on: false } }, version: 1 })).toMatchObject({
      status: 'success',
    });
    expect(await read({ method: 'get' })).toMatchObject({ state: { reported: { on: false }, desired: { on: true } } });
    expect(await read({ method: 'update', state: { desired: null } })).toMatchObject({ status: 'success' });
    expect(await attributes(broker, id, 'SHARED')).toEqual({});
    expect(await read({ method: 'update', state: { desired: { on: 1 } } })).toMatchObject({ status: 'error' });
    expect(await read({ method: 'explode' })).toMatchObject({ status: 'error' });
    expect(await read({ method: 'update', state: { reported: 'on' } })).toMatchObject({
      status: 'error',
      content: { errorcode: '400', errormessage: '"reported" must be an object' },
    });
  });
});
