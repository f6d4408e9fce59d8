import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import type { MqttClient } from '../../helpers/mqtt-client.ts';
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
} from './kit.ts';
import { latest, publishAndRead } from './messages.ts';

const BINARY = Buffer.from('firmware 1.1 '.repeat(10_000));
const SHA256 = createHash('sha256').update(BINARY).digest('hex');

/** What differs between the dialects, for one and the same flow. */
const DIALECTS = {
  enos: {
    profile: 'rod',
    names: (name: string, secret: string) => enosNames({ deviceKey: name, secret }),
    inform: (name: string) => `/sys/${ENOS.productKey}/${name}/ota/device/inform`,
    progress: (name: string) => `/sys/${ENOS.productKey}/${name}/ota/device/progress`,
    upgrade: (name: string) => `/sys/${ENOS.productKey}/${name}/ota/device/upgrade`,
    replies: true,
    read: ({ params }: Upgrade) => ({
      version: params?.version,
      url: params?.fileUrl,
      sign: params?.sign,
      size: params?.fileSize,
      method: params?.signMethod,
    }),
  },
  alibaba: {
    profile: 'light',
    names: (name: string, secret: string) => alibabaNames({ deviceName: name, secret }),
    inform: (name: string) => `/ota/device/inform/${ALIBABA.productKey}/${name}`,
    progress: (name: string) => `/ota/device/progress/${ALIBABA.productKey}/${name}`,
    upgrade: (name: string) => `/ota/device/upgrade/${ALIBABA.productKey}/${name}`,
    replies: false,
    read: ({ data }: Upgrade) => ({
      version: data?.version,
      url: data?.url,
      sign: data?.sign,
      size: data?.size,
      method: data?.signMethod?.toLowerCase(),
    }),
  },
} as const;
type Upgrade = { params?: Record<string, string>; data?: Record<string, string> };
type Kind = keyof typeof DIALECTS;

describe('firmware of other dialects', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  const packages: Partial<Record<Kind, string>> = {};

  beforeAll(async () => {
    const downloads = { url: 'http://127.0.0.1:9' };
    dialects = await startDialects([enosProfile('rod', { downloads }), alibabaProfile('light', { downloads })]);
    broker = dialects.broker;
    for (const kind of ['enos', 'alibaba'] as const) packages[kind] = await addPackage(DIALECTS[kind].profile, '1.1');
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  async function addPackage(profile: string, version: string): Promise<string> {
    const profiles = await api<{ data: { id: { id: string }; name: string }[] }>(
      broker,
      '/api/deviceProfileInfos?pageSize=100&page=0',
    );
    const deviceProfileId = profiles.data.find(({ name }) => name === profile)?.id;
    const body = { title: `fw-${profile}`, version, type: 'FIRMWARE', deviceProfileId };
    const made = await api<{ id: { id: string } }>(broker, '/api/otaPackage', { method: 'POST', body });
    const form = new FormData();
    form.set('file', new Blob([BINARY]), 'fw.bin');
    const response = await fetch(`${broker.url}/api/otaPackage/${made.id.id}?checksumAlgorithm=SHA256`, {
      method: 'POST',
      headers: { 'X-Authorization': `ApiKey ${broker.adminKey}` },
      body: form,
    });
    expect(response.status).toBe(200);
    return made.id.id;
  }
  const assign = async (id: string, firmware: string | undefined): Promise<void> => {
    const device = await api<Record<string, unknown>>(broker, `/api/device/${id}`);
    const firmwareId = firmware === undefined ? null : { entityType: 'OTA_PACKAGE', id: firmware };
    await api(broker, '/api/device', { method: 'POST', body: { ...device, firmwareId } });
  };
  const online = async (kind: Kind, name: string, secret: string): Promise<MqttClient> => {
    const client = await openThing(broker, DIALECTS[kind].names(name, secret), { tls: false });
    expect(await client.connack()).toBe(0);
    return client;
  };
  const say = async (kind: Kind, client: MqttClient, topic: string, params: unknown): Promise<void> => {
    if (!DIALECTS[kind].replies) await client.publish(topic, JSON.stringify({ id: 7, params }));
    else expect(await publishAndRead(client, topic, { id: '7', params })).toContain('"code":200');
  };
  const upgradeOf = async (kind: Kind, client: MqttClient, name: string) => {
    const text = await client.message();
    const { upgrade, read } = DIALECTS[kind];
    expect(text.split(' ')[0]).toBe(upgrade(name));
    return read(JSON.parse(text.slice(text.indexOf(' '))));
  };
  const fetchAt = (url: string, headers: Record<string, string> = {}) =>
    fetch(url.replace('http://127.0.0.1:9', broker.url), { headers });
  const state = async (id: string) => {
    const { fw_state, fw_progress, current_fw_version } = await latest(broker, id);
    return [fw_state, fw_progress, current_fw_version].map((point) => (point as unknown[] | undefined)?.[1]);
  };

  it.each(['enos', 'alibaba'] as const)(
    'case 47: a device of %s that reported 1.0 is told of 1.1, fetches it, reports its progress and is UPDATED',
    async (kind) => {
      const { profile, inform, progress } = DIALECTS[kind];
      const name = `device-of-${kind}`;
      const { id, deviceSecret } = await addDevice(broker, profile, name);
      await using client = await online(kind, name, deviceSecret);
      await say(kind, client, inform(name), { version: '1.0' });
      await assign(id, packages[kind]);
      const told = await upgradeOf(kind, client, name);
      expect(told).toMatchObject({ version: '1.1', sign: SHA256, size: BINARY.length, method: 'sha256' });
      const whole = await fetchAt(told.url ?? '');
      expect(Buffer.from(await whole.arrayBuffer()).equals(BINARY)).toBe(true);
      const part = await fetchAt(told.url ?? '', { range: 'bytes=100-199' });
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${BINARY.length}`]);
      expect(Buffer.from(await part.arrayBuffer()).equals(BINARY.subarray(100, 200))).toBe(true);
      await say(kind, client, progress(name), { step: '20', desc: '' });
      expect(await state(id)).toEqual(['DOWNLOADING', 20, '1.0']);
      await say(kind, client, progress(name), { step: 100 });
      expect(await state(id)).toEqual(['DOWNLOADED', 100, '1.0']);
      await say(kind, client, inform(name), { version: '1.1' });
      expect(await state(id)).toEqual(['UPDATED', 100, '1.1']);
      // It is told no more: what comes next is something else.
      await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { level: 1 } });
      expect(await client.message()).toContain('/set {');
    },
  );

  it.each(['enos', 'alibaba'] as const)(
    'a device of %s without a version is told nothing; an offline one at its login; a failed step says why',
    async (kind) => {
      const { profile, inform, progress } = DIALECTS[kind];
      const name = `offline-${kind}`;
      const { id, deviceSecret } = await addDevice(broker, profile, name);
      {
        await using client = await online(kind, name, deviceSecret);
        await assign(id, packages[kind]);
        await client.alive();
        await say(kind, client, inform(name), { version: '1.0' });
        expect(await upgradeOf(kind, client, name)).toMatchObject({ version: '1.1' });
        await say(kind, client, progress(name), { step: '-3', desc: 'hash' });
      }
      expect((await latest(broker, id)).fw_error).toMatchObject({ 1: 'VERIFY_FAILED: hash' });
      await using again = await online(kind, name, deviceSecret);
      expect(await upgradeOf(kind, again, name)).toMatchObject({ version: '1.1' });
    },
  );

  it('a device asks for its firmware; a step or a version of another form is refused', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', 'asking');
    await using client = await online('enos', 'asking', deviceSecret);
    const ask = (path: string, params: unknown) =>
      publishAndRead(client, `/sys/${ENOS.productKey}/asking/ota/device/${path}`, { id: '1', params });
    expect(await ask('request', {})).toContain('"data":{}');
    await assign(id, packages.enos);
    expect(await ask('request', {})).toContain('"data":{"version":"1.1","signMethod":"sha256"');
    expect(await ask('getversion', {})).toContain('"data":[{"version":"1.1"');
    for (const step of ['', 'x', 101, 1.5, null, {}]) expect(await ask('progress', { step })).toContain('"code":1220');
    for (const version of ['', 7, null]) expect(await ask('inform', { version })).toContain('"code":1220');
  });

  it('a link that was changed, or is for nothing, finds nothing', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', 'linked');
    await using client = await online('enos', 'linked', deviceSecret);
    await say('enos', client, DIALECTS.enos.inform('linked'), { version: '1.0' });
    await assign(id, packages.enos);
    const { url = '' } = await upgradeOf('enos', client, 'linked');
    expect((await fetchAt(`${url.slice(0, -3)}AAA`)).status).toBe(404);
    expect((await fetchAt(`${url}${'A'.repeat(600)}`)).status).toBe(404);
    expect((await fetchAt(url, { range: `bytes=${BINARY.length}-` })).status).toBe(416);
    await assign(id, undefined);
    expect((await fetchAt(url)).status).toBe(404);
  });
});
