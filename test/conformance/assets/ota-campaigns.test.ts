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

/** What differs between the dialects, for one and the same flow. */
const DIALECTS = {
  enos: {
    profile: 'rod',
    names: (name: string, secret: string) => enosNames({ deviceKey: name, secret }),
    topic: (name: string, what: string) => `/sys/${ENOS.productKey}/${name}/ota/device/${what}`,
    replies: true,
  },
  alibaba: {
    profile: 'light',
    names: (name: string, secret: string) => alibabaNames({ deviceName: name, secret }),
    topic: (name: string, what: string) => `/ota/device/${what}/${ALIBABA.productKey}/${name}`,
    replies: false,
  },
} as const;
type Kind = keyof typeof DIALECTS;
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 20_000, interval: 10 });
interface Target {
  readonly name: string;
  readonly state: string;
  readonly progress?: number;
  readonly reason?: string;
}

describe('firmware campaigns', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([enosProfile('rod'), alibabaProfile('light'), { name: 'native' }]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const addPackage = async (profile: string, version: string): Promise<string> => {
    const body = {
      title: `fw-${profile}`,
      version,
      type: 'FIRMWARE',
      deviceProfile: profile,
      url: 'http://127.0.0.1/f',
    };
    return (await api<{ id: { id: string } }>(broker, '/api/otaPackage', { method: 'POST', body })).id.id;
  };
  const start = (body: Record<string, unknown>) =>
    api<{ id: string; targets: number; skipped: Record<string, number> }>(broker, '/api/gridmoor/ota/campaigns', {
      method: 'POST',
      body: { name: 'spring', ...body },
    });
  const targets = async (id: string): Promise<Record<string, Target>> => {
    const { data } = await api<{ data: Target[] }>(broker, `/api/gridmoor/ota/campaigns/${id}/devices`);
    return Object.fromEntries(data.map((one) => [one.name, one]));
  };
  const stateOf = async (id: string) =>
    (await api<{ state: string }>(broker, `/api/gridmoor/ota/campaigns/${id}`)).state;
  const open = async (kind: Kind, name: string, secret: string): Promise<MqttClient> => {
    const client = await openThing(broker, DIALECTS[kind].names(name, secret), { tls: false });
    expect(await client.connack()).toBe(0);
    return client;
  };
  const say = async (kind: Kind, client: MqttClient, name: string, what: string, params: unknown): Promise<void> => {
    const topic = DIALECTS[kind].topic(name, what);
    if (!DIALECTS[kind].replies) await client.publish(topic, JSON.stringify({ id: 7, params }));
    else expect(await publishAndRead(client, topic, { id: '7', params })).toContain('"code":200');
  };

  it.each(['enos', 'alibaba'] as const)(
    'asset 6: %s: a device succeeds when it logs in with the new version, not when it says 100 percent',
    async (kind) => {
      const { profile, topic } = DIALECTS[kind];
      const names = ['good', 'stays', 'breaks', 'away', 'silent'].map((word) => `${word}-${kind}`);
      const secrets = new Map<string, string>();
      for (const name of names) secrets.set(name, (await addDevice(broker, profile, name)).deviceSecret);
      const [good = '', stays = '', breaks = '', away = ''] = names;
      const clients = new Map<string, MqttClient>();
      for (const name of [good, stays, breaks, away]) {
        const client = await open(kind, name, secrets.get(name) ?? '');
        await say(kind, client, name, 'inform', { version: '1.0' });
        clients.set(name, client);
      }
      const clientOf = (name: string): MqttClient => {
        const client = clients.get(name);
        if (!client) throw new Error(name);
        return client;
      };
      await clientOf(away)[Symbol.asyncDispose]();

      const { id, ...campaign } = await start({ package: await addPackage(profile, '1.1') });
      expect(campaign).toMatchObject({ targets: 4, skipped: { noVersion: 1 } });
      for (const name of [good, stays, breaks]) {
        expect((await clientOf(name).message()).split(' ')[0]).toBe(topic(name, 'upgrade'));
      }
      for (const step of ['20', '60', '100']) await say(kind, clientOf(good), good, 'progress', { step, desc: '' });
      await say(kind, clientOf(stays), stays, 'progress', { step: '100', desc: '' });
      await say(kind, clientOf(breaks), breaks, 'progress', { step: '-3', desc: 'hash' });
      await soon(async () => (await targets(id))[good]).toMatchObject({ state: 'installing', progress: 100 });
      await soon(async () => (await targets(id))[breaks]).toMatchObject({ reason: 'VERIFY_FAILED' });
      await soon(async () => (await targets(id))[stays]?.progress).toBe(100);

      await clientOf(good)[Symbol.asyncDispose]();
      await using again = await open(kind, good, secrets.get(good) ?? '');
      expect((await again.message()).split(' ')[0]).toBe(topic(good, 'upgrade')); // as long as it has reported 1.0
      await say(kind, again, good, 'inform', { version: '1.1' });
      await say(kind, clientOf(stays), stays, 'inform', { version: '1.0' });
      await using back = await open(kind, away, secrets.get(away) ?? '');
      expect((await back.message()).split(' ')[0]).toBe(topic(away, 'upgrade'));
      await say(kind, back, away, 'inform', { version: '1.1' });

      await soon(() => stateOf(id)).toBe('done');
      const ends = Object.fromEntries(
        Object.entries(await targets(id)).map(([name, { state, reason }]) => [name, reason ?? state]),
      );
      expect(ends).toEqual({
        [good]: 'succeeded',
        [stays]: 'VERSION_UNCHANGED',
        [breaks]: 'VERIFY_FAILED',
        [away]: 'succeeded',
      });
      for (const name of [stays, breaks]) await clientOf(name)[Symbol.asyncDispose]();
    },
  );

  it('asset 6: a ThingsBoard device is told by its attributes and succeeds by its telemetry', async () => {
    const made = await api<{ id: string; credentials: { token: string } }>(broker, '/api/gridmoor/devices', {
      method: 'POST',
      body: { name: 'meter', profile: 'native' },
    });
    await using client = await MqttClient.open({ port: broker.ports.mqtt, userName: made.credentials.token });
    expect(await client.connack()).toBe(0);
    const telemetry = 'v1/devices/me/telemetry';
    const old = { current_fw_title: 'fw-native', current_fw_version: '1.0' };
    await client.publish(telemetry, JSON.stringify(old));
    await client.subscribe('v1/devices/me/attributes');
    const { id } = await start({ package: await addPackage('native', '2.0'), verifyCount: 1 });
    expect(await client.message()).toContain('"fw_version":"2.0"');
    for (const fw_state of ['DOWNLOADING', 'DOWNLOADED', 'VERIFIED', 'UPDATING']) {
      await client.publish(telemetry, JSON.stringify({ ...old, fw_state }));
    }
    await soon(async () => (await targets(id)).meter).toMatchObject({ state: 'installing', progress: 100 });
    await client.publish(telemetry, JSON.stringify({ ...old, current_fw_version: '2.0', fw_state: 'UPDATED' }));
    await soon(() => stateOf(id)).toBe('done');
    expect((await targets(id)).meter).toMatchObject({ state: 'succeeded' });
  });
});
