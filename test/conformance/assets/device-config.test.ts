import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import {
  ALIBABA,
  addDevice,
  alibabaNames,
  alibabaProfile,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  openThing,
  startDialects,
} from '../dialects/kit.ts';
import { publishAndRead } from '../dialects/messages.ts';

const DIALECTS = {
  enos: {
    profile: 'rod',
    root: `/sys/${ENOS.productKey}`,
    names: (name: string, secret: string) => enosNames({ deviceKey: name, secret }),
  },
  alibaba: {
    profile: 'light',
    root: `/sys/${ALIBABA.productKey}`,
    names: (name: string, secret: string) => alibabaNames({ deviceName: name, secret }),
  },
} as const;
type Kind = keyof typeof DIALECTS;
const digestOf = (config: unknown): string => createHash('sha256').update(JSON.stringify(config)).digest('hex');

describe('device configuration', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    const downloads = { url: 'http://127.0.0.1:9' };
    dialects = await startDialects([enosProfile('rod'), alibabaProfile('light', { downloads }), { name: 'native' }]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const configUrl = (id: string): string => `/api/gridmoor/devices/${id}/config`;
  const set = (id: string, body: unknown) => api<{ digest: string }>(broker, configUrl(id), { method: 'PUT', body });
  /** The device has been told of all, and the store says so: what was cut off before would be told again. */
  const allTold = (id: string) =>
    expect
      .poll(
        async () => {
          const calls = await api<{ data: { status: string }[] }>(
            broker,
            `/api/rpc/persistent/device/${id}?page=0&pageSize=10`,
          );
          return calls.data.every(({ status }) => status === 'DELIVERED' || status === 'SUCCESSFUL');
        },
        { timeout: 20_000, interval: 10 },
      )
      .toBe(true);
  const online = async (kind: Kind, name: string, secret: string): Promise<MqttClient> => {
    const client = await openThing(broker, DIALECTS[kind].names(name, secret), { tls: false });
    expect(await client.connack()).toBe(0);
    return client;
  };

  it.each(['enos', 'alibaba'] as const)(
    'asset 3: %s: a change while offline is told once at the next login, and config/get gives the same digest',
    async (kind) => {
      const { profile, root } = DIALECTS[kind];
      const name = `config-${kind}`;
      const { id, deviceSecret } = await addDevice(broker, profile, name);
      await set(id, { interval: 60 });
      const config = { interval: 15, place: 'roof' };
      const { digest } = await set(id, config);
      expect(digest).toBe(digestOf(config));
      {
        await using client = await online(kind, name, deviceSecret);
        const [topic = '', payload = ''] = (await client.message()).split(/ (.*)/s);
        expect(topic).toBe(`${root}/${name}/thing/config/push`);
        const { method, params } = JSON.parse(payload) as { method: string; params: Record<string, unknown> };
        expect(method).toBe('thing.config.push');
        expect(params).toMatchObject({ sign: digest, signMethod: 'Sha256', configSize: JSON.stringify(config).length });
        if (kind === 'enos') expect(params.config).toEqual(config);
        else {
          const at = String(params.url).replace('http://127.0.0.1:9', broker.url);
          expect(digestOf(await (await fetch(at)).json())).toBe(digest);
          expect((await fetch(`${at.slice(0, -3)}AAA`)).status).toBe(404);
        }
        const get = `${root}/${name}/thing/config/get`;
        const answer = await publishAndRead(client, get, {
          id: '5',
          params: { configScope: 'product', getType: 'file' },
        });
        expect(answer).toContain(`"sign":"${digest}"`);
        const next = await set(id, { interval: 1 });
        expect(await client.message()).toContain(`"sign":"${next.digest}"`);
        await allTold(id);
      }
      await using again = await online(kind, name, deviceSecret);
      const get = `${root}/${name}/thing/config/get`;
      // What comes first is the answer: nothing is told a second time.
      expect(await publishAndRead(again, get, { id: '6', params: {} })).toContain(`${get}_reply {"id":"6","code":200`);
      await again.alive();
      await api(broker, configUrl(id), { method: 'DELETE' });
      const none = await publishAndRead(again, get, { id: '7', params: {} });
      expect(none).toContain(kind === 'enos' ? '"code":1220' : '"code":460');
    },
  );

  it('asset 3: a ThingsBoard device is called with the same, once', async () => {
    const made = await api<{ id: string; credentials: { token: string } }>(broker, '/api/gridmoor/devices', {
      method: 'POST',
      body: { name: 'meter', profile: 'native' },
    });
    const { digest } = await set(made.id, { interval: 15 });
    const open = async () => {
      const client = await MqttClient.open({ port: broker.ports.mqtt, userName: made.credentials.token });
      expect(await client.connack()).toBe(0);
      await client.subscribe(['v1/devices/me/rpc/request/+', 0]);
      return client;
    };
    {
      await using client = await open();
      const text = await client.message();
      expect(text).toContain('"method":"thing.config.push"');
      expect(text).toContain(`"sign":"${digest}"`);
      await allTold(made.id);
    }
    await using again = await open();
    await again.subscribe(['v1/devices/me/attributes/response/+', 0]);
    const answer = await publishAndRead(again, 'v1/devices/me/attributes/request/1', { sharedKeys: 'none' });
    expect(answer).toBe('v1/devices/me/attributes/response/1 {}');
  });

  it('a configuration that is none or too large is refused, and the same one again is not told', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', 'strict');
    const put = async (body: string) => {
      const headers = { 'X-Authorization': `ApiKey ${broker.adminKey}`, 'content-type': 'application/json' };
      return (await fetch(`${broker.url}${configUrl(id)}`, { method: 'PUT', headers, body })).status;
    };
    const twice = '{"limit":1,"limit":2}';
    for (const body of ['[1]', '7', '"x"', '{', 'null', twice]) expect([body, await put(body)]).toEqual([body, 400]);
    expect(await put(JSON.stringify({ pad: 'x'.repeat(70_000) }))).toBe(413);
    expect(await put('{"__proto__":1,"exact":1.50}')).toBe(200);
    await using client = await online('enos', 'strict', deviceSecret);
    expect(await client.message()).toContain('"config":{"__proto__":1,"exact":1.50}');
    expect(await put('{"__proto__":1,"exact":1.50}')).toBe(200);
    await client.alive();
    const missing = await fetch(`${broker.url}${configUrl('nobody')}`, {
      headers: { 'X-Authorization': `ApiKey ${broker.adminKey}` },
    });
    expect(missing.status).toBe(404);
  });
});
