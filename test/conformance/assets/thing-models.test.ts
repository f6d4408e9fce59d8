import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import {
  addDevice,
  alibabaNames,
  alibabaProfile,
  type DialectBroker,
  enosNames,
  enosProfile,
  openThing,
  startDialects,
} from '../dialects/kit.ts';
import { attributes, latest, publishAndRead, rpc } from '../dialects/messages.ts';

const model = {
  version: '1.0',
  measurepoints: {
    temp: { type: 'double', min: -40, max: 125 },
    mode: { type: 'enum', values: ['auto', 'manual'] },
    place: { type: 'struct', fields: { lat: { type: 'double' }, lon: { type: 'double' } } },
  },
  attributes: { serial: { type: 'string', maxLength: 8 } },
  events: { overheat: { temp: { type: 'double' } } },
  services: { reboot: { input: { delay: { type: 'int', max: 60 } }, output: { done: { type: 'bool' } } } },
};
const TIME = 1_700_000_000_000;

describe('device modelling', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([
      enosProfile('rod', { model }),
      alibabaProfile('light', { model }),
      { name: 'native', model: { ...model, services: undefined } },
      { name: 'native-drop', model: { ...model, services: undefined, unknown: 'drop' } },
    ]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  it('asset 1: EnOS: text for a double is answered with 1220 and nothing of the post is stored', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', 'model-1');
    await using client = await openThing(broker, enosNames({ deviceKey: 'model-1', secret: deviceSecret }), {
      tls: false,
    });
    expect(await client.connack()).toBe(0);
    const topic = '/sys/pK11111/model-1/thing/measurepoint/post';
    const post = (measurepoints: object, more: object = {}) =>
      publishAndRead(client, topic, { id: '1', params: { measurepoints, time: TIME }, ...more });
    expect(await post({ temp: 'hot', mode: 'auto' })).toContain('"code":1220');
    expect(await post({ temp: 126 })).toContain('"temp\\" must be of the type double from -40 to 125');
    expect(await post({ mode: 'off' })).toContain('"code":1220');
    expect(await post({ place: { lat: 'x' } })).toContain('"code":1220');
    expect(await post({ pressure: 1 })).toContain('\\"pressure\\" is not in the model');
    expect(await latest(broker, id)).toEqual({});

    expect(await post({ temp: 'hot', mode: 'auto', x: 1 }, { skipInvalidMeasurepoints: true })).toContain('"code":200');
    expect(await latest(broker, id)).toEqual({ mode: [TIME, 'auto'] });
    expect(await post({ temp: 'hot' }, { skipInvalidMeasurepoints: true })).toContain('"code":1220');

    const update = '/sys/pK11111/model-1/thing/attribute/update';
    const wrong = await publishAndRead(client, update, {
      id: '2',
      params: { attributes: { serial: 'too long a one' } },
    });
    expect(wrong).toContain('"code":1220');
    const event = '/sys/pK11111/model-1/thing/event/overheat/post';
    const bad = await publishAndRead(client, event, { id: '3', params: { events: { temp: 'x' }, time: TIME } });
    expect(bad).toContain('"code":1220');
    const good = await publishAndRead(client, event, { id: '4', params: { events: { temp: 90.5 }, time: TIME } });
    expect(good).toContain('"code":200');
    expect(await attributes(broker, id, 'CLIENT')).toEqual({});
  });

  it('asset 1: Alibaba: text for a double is answered with 460 and nothing of the post is stored', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'light', 'model-2');
    await using client = await openThing(broker, alibabaNames({ deviceName: 'model-2', secret: deviceSecret }), {
      tls: false,
    });
    expect(await client.connack()).toBe(0);
    const topic = '/sys/a1AbCdEfGhI/model-2/thing/event/property/post';
    const post = (params: object) => publishAndRead(client, topic, { id: '1', params });
    expect(await post({ temp: 'hot', mode: 'auto' })).toContain('"code":460');
    expect(await latest(broker, id)).toEqual({});
    expect(await post({ temp: { value: 20.5, time: TIME } })).toContain('"code":200');
    expect(await latest(broker, id)).toEqual({ temp: [TIME, 20.5] });
  });

  it.each([
    ['rod', 'model-3', '/sys/pK11111/model-3/thing/service', 1220],
    ['light', 'model-4', '/sys/a1AbCdEfGhI/model-4/thing/service', 460],
  ] as const)(
    'asset 1: %s: a service is called with what fits the model, and answers what fits it; else its caller hears why',
    async (profile, name, service, code) => {
      const { id, deviceSecret: secret } = await addDevice(broker, profile, name);
      const names =
        profile === 'rod' ? enosNames({ deviceKey: name, secret }) : alibabaNames({ deviceName: name, secret });
      await using client = await openThing(broker, names, { tls: false });
      expect(await client.connack()).toBe(0);
      const call = (method: string, params: unknown) => rpc(broker, id, { method, params, timeout: 10_000 });
      const answer = async (data: unknown) => {
        const text = await client.message();
        expect(text).toContain(`${service}/reboot {`);
        const { id: request, params } = JSON.parse(text.slice(text.indexOf(' ')));
        await client.publish(`${service}/reboot_reply`, JSON.stringify({ id: request, code: 200, data }));
        return params;
      };
      const error = (message: string) => ({ status: 200, body: { error: { code, message } } });
      const wrong = error('input: "delay" must be of the type int from … to 60');
      expect(await call('reboot', { delay: 61 })).toEqual(wrong);
      expect(await call('thing.service.reboot', { delay: '3' })).toEqual(wrong);
      expect(await call('halt', {})).toEqual(error('the service "halt" is not in the model'));
      const good = call('reboot', { delay: 3 });
      expect(await answer({ done: true })).toEqual({ delay: 3 }); // the first that reached it
      expect(await good).toEqual({ status: 200, body: { done: true } });
      const odd = call('reboot', {});
      await answer({ done: 'yes' });
      expect(await odd).toEqual(error('output: "done" must be true, false, 0 or 1'));
    },
  );

  it('asset 1: a ThingsBoard device is held to the model of its profile, too', async () => {
    const open = async (profile: string) => {
      const made = await api<{ id: string; credentials: { token: string } }>(broker, '/api/gridmoor/devices', {
        method: 'POST',
        body: { name: `tb-${profile}`, profile },
      });
      const username = made.credentials.token;
      return { id: made.id, open: () => MqttClient.open({ port: broker.ports.mqtt, userName: username }) };
    };
    const strict = await open('native');
    await using refused = await strict.open();
    expect(await refused.connack()).toBe(0);
    refused.send({
      cmd: 'publish',
      topic: 'v1/devices/me/telemetry',
      payload: '{"temp":"hot"}',
      qos: 1,
      messageId: 7,
      dup: false,
      retain: false,
    });
    await refused.ended();
    expect(await latest(broker, strict.id)).toEqual({});
    const dropping = await open('native-drop');
    await using client = await dropping.open();
    expect(await client.connack()).toBe(0);
    await client.publish('v1/devices/me/telemetry', `{"ts":${TIME},"values":{"temp":21,"pressure":3}}`);
    expect(await latest(broker, dropping.id)).toEqual({ temp: [TIME, 21] });
  });
});
