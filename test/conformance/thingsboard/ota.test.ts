import { createHash } from 'node:crypto';
import type { IPublishPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, newDevice } from '../../helpers/system.ts';

const ATTRIBUTES = 'v1/devices/me/attributes';
const TEN_BYTES = Buffer.from('0123456789');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const chunkTopic = (id: number, chunk: number, kind = 'fw') => `v2/${kind}/request/${id}/chunk/${chunk}`;

describe('thingsboard-device-api 12: firmware and software', () => {
  let broker: Broker;
  let count = 0;

  const upload = async (id: string, bytes: Buffer, query = ''): Promise<Response> => {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(bytes)]), 'fw.bin');
    return fetch(`${broker.url}/api/otaPackage/${id}?checksumAlgorithm=SHA256${query}`, {
      method: 'POST',
      headers: { 'X-Authorization': `ApiKey ${broker.adminKey}` },
      body: form,
    });
  };
  const made = async (bytes?: Buffer, more: Record<string, unknown> = {}): Promise<string> => {
    const body = { type: 'FIRMWARE', title: 'fw', version: `1.${++count}`, ...more };
    const { id } = await api<{ id: { id: string } }>(broker, '/api/otaPackage', { method: 'POST', body });
    if (bytes) expect((await upload(id.id, bytes, `&checksum=${sha256(bytes)}`)).status).toBe(200);
    return id.id;
  };
  const assign = (device: string, body: Record<string, unknown>) =>
    api(broker, `/api/gridmoor/devices/${device}/ota`, { method: 'POST', body });
  const device = async (name: string, version: 4 | 5 = 4) => {
    const userName = await newDevice(broker, name);
    return MqttClient.connect({ port: broker.ports.mqtt, version, userName });
  };
  const chunk = async (client: MqttClient): Promise<readonly [string, Buffer]> => {
    const { topic, payload } = (await client.next('publish')) as IPublishPacket;
    return [topic, payload as Buffer];
  };

  beforeAll(async () => {
    broker = await startBroker({ env: { GRIDMOOR_FREE_REFUSALS: '100000' } });
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it.each([4, 5] as const)(
    '59: ten bytes come in chunks of 4, 4 and 2, and one past the end is empty (v%s)',
    async (version) => {
      await using client = await device(`o59-${version}`, version);
      await assign(`o59-${version}`, { firmware: await made(TEN_BYTES) });
      expect(await client.subscribe('v2/fw/response/+')).toEqual([version === 5 ? 0x8f : 0x80]);
      const got: string[] = [];
      for (let n = 0; n < 4; n++) {
        expect(await client.publish(chunkTopic(1, n), '4')).toBe(0);
        const [topic, bytes] = await chunk(client);
        got.push(`${topic} ${bytes}`);
      }
      expect(got).toEqual([
        'v2/fw/response/1/chunk/0 0123',
        'v2/fw/response/1/chunk/1 4567',
        'v2/fw/response/1/chunk/2 89',
        'v2/fw/response/1/chunk/3 ',
      ]);
    },
  );

  it.each([4, 5] as const)(
    '60: without a firmware the error is NOT_FOUND, then the connection ends (v%s)',
    async (version) => {
      await using client = await device(`o60-${version}`, version);
      client.publishQos0(chunkTopic(1, 0), '4');
      expect(await client.message()).toBe('v2/fw/error NOT_FOUND');
      expect(await client.ended()).toBe(version === 5 ? 0x83 : undefined);
    },
  );

  it('60: a package that is a URL is a FAILURE, a chunk above 65,536 bytes PAYLOAD_TOO_LARGE', async () => {
    await using client = await device('o60-url');
    await assign('o60-url', { firmware: await made(undefined, { url: 'http://127.0.0.1/fw' }) });
    client.publishQos0(chunkTopic(1, 0), '4');
    expect(await client.message()).toBe('v2/fw/error FAILURE');
    await client.ended();
    await using other = await device('o60-large');
    other.publishQos0(chunkTopic(1, 0), '65537');
    expect(await other.message()).toBe('v2/fw/error PAYLOAD_TOO_LARGE');
  });

  it('a chunk size that is no number ends the connection without an acknowledgement', async () => {
    await using client = await device('o-size', 5);
    client.publishQos0(chunkTopic(1, 0), 'ten');
    expect(await client.ended()).toBe(0x8b);
  });

  it('an empty payload is the size asked before, or the whole binary', async () => {
    await using client = await device('o-empty');
    await assign('o-empty', { software: await made(TEN_BYTES, { type: 'SOFTWARE' }) });
    await client.publish(chunkTopic(1, 0, 'sw'), '4');
    expect(await client.message()).toBe('v2/sw/response/1/chunk/0 0123');
    await client.publish(chunkTopic(1, 1, 'sw'), '');
    expect(await client.message()).toBe('v2/sw/response/1/chunk/1 4567');
    await client.publish(chunkTopic(2, 0, 'sw'), '');
    expect(await client.message()).toBe('v2/sw/response/2/chunk/0 0123456789');
  });

  it('a package of many blocks comes whole in one message, and what else is sent waits for its end', async () => {
    const bytes = Buffer.alloc(3_000_001, 0).map((_, at) => (at * 31) ^ (at >> 9)) as Buffer;
    await using client = await device('o-whole');
    await assign('o-whole', { firmware: await made(bytes) });
    client.publishQos0(chunkTopic(1, 0), '');
    for (let n = 0; n < 20; n++) client.send({ cmd: 'pingreq' });
    const [, payload] = await chunk(client);
    expect(sha256(payload)).toBe(sha256(bytes));
    for (let n = 0; n < 20; n++) await client.next('pingresp');
    expect(await client.publish('v1/devices/me/telemetry', '{"t":1}')).toBe(0);
  });

  it('the package stays that of the first request of an id when another is assigned', async () => {
    await using client = await device('o-pinned');
    const [one, two] = [await made(Buffer.from('aaaaaaaa')), await made(Buffer.from('bbbbbbbb'))];
    await assign('o-pinned', { firmware: one });
    await client.publish(chunkTopic(1, 0), '4');
    await client.message();
    await assign('o-pinned', { firmware: two });
    await client.publish(chunkTopic(1, 1), '4');
    expect(await client.message()).toBe('v2/fw/response/1/chunk/1 aaaa');
    await client.publish(chunkTopic(2, 0), '4');
    expect(await client.message()).toBe('v2/fw/response/2/chunk/0 bbbb');
  });

  it('an assignment writes the target as telemetry and pushes shared attributes; taking it away deletes them', async () => {
    await using client = await device('o-life');
    await client.subscribe(ATTRIBUTES);
    const id = await made(TEN_BYTES, { title: 'meter', tag: 'blue' });
    await assign('o-life', { firmware: id });
    const pushed = JSON.parse((await client.message()).slice(ATTRIBUTES.length)) as Record<string, unknown>;
    const version = `1.${count}`;
    expect(pushed).toEqual({
      fw_title: 'meter',
      fw_version: version,
      fw_tag: 'blue',
      fw_size: 10,
      fw_checksum_algorithm: 'SHA256',
      fw_checksum: sha256(TEN_BYTES),
    });
    expect(await latest(broker, 'o-life')).toMatchObject({
      target_fw_title: 'meter',
      target_fw_version: version,
      target_fw_tag: 'blue',
      target_fw_ts: expect.stringMatching(/^\d+$/),
      fw_state: 'INITIATED',
    });
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'o-life')}/values/timeseries`;
    const { fw_state } = await api<Record<string, { value: string }[]>>(
      broker,
      `${path}?keys=fw_state&startTs=0&endTs=99999999999999&orderBy=ASC`,
    );
    expect(fw_state?.map(({ value }) => value)).toEqual(['QUEUED', 'INITIATED']);

    const url = await made(undefined, { title: 'meter', url: 'http://127.0.0.1/fw' });
    await assign('o-life', { firmware: url });
    const deleted = JSON.parse((await client.message()).slice(ATTRIBUTES.length)) as { deleted: string[] };
    expect(deleted.deleted.sort()).toEqual(['fw_checksum', 'fw_checksum_algorithm', 'fw_size', 'fw_tag']);
    expect(await client.message()).toContain('"fw_url":"http://127.0.0.1/fw"');

    await assign('o-life', { firmware: null });
    const gone = JSON.parse((await client.message()).slice(ATTRIBUTES.length)) as { deleted: string[] };
    expect(gone.deleted.sort()).toEqual(['fw_title', 'fw_url', 'fw_version']);
    expect(await attributes(broker, 'o-life', 'SHARED_SCOPE')).toEqual({});
  });

  it("a profile's package reaches its devices and new ones, but not those with their own", async () => {
    await using client = await device('o-profile');
    await client.subscribe(ATTRIBUTES);
    await using own = await device('o-profile-own');
    await assign('o-profile-own', { firmware: await made(Buffer.from('own')) });
    const id = await made(TEN_BYTES, { title: 'profile' });
    const toProfile = (firmware: string | null) =>
      api(broker, '/api/gridmoor/profiles/smart-meter/ota', { method: 'POST', body: { firmware } });
    await toProfile(id);
    expect(await client.message()).toContain('"fw_title":"profile"');
    await using later = await device('o-profile-later');
    await later.publish(chunkTopic(1, 0), '4');
    expect(await later.message()).toBe('v2/fw/response/1/chunk/0 0123');
    await expect
      .poll(async () => (await attributes(broker, 'o-profile-later', 'SHARED_SCOPE')).fw_title)
      .toBe('profile');
    await own.publish(chunkTopic(1, 0), '4');
    expect(await own.message()).toBe('v2/fw/response/1/chunk/0 own');
    await toProfile(null);
    expect(await client.message()).toContain('"deleted"');
    await expect
      .poll(async () => (await attributes(broker, 'o-profile-later', 'SHARED_SCOPE')).fw_title)
      .toBeUndefined();
  });

  it('78: over HTTP a chunk past the end is empty, another version 400, none assigned 404', async () => {
    const token = await newDevice(broker, 'o78');
    const get = (query: string, kind = 'firmware') => fetch(`${broker.url}/api/v1/${token}/${kind}?${query}`);
    expect((await get('title=fw&version=1')).status).toBe(404);
    await assign('o78', { firmware: await made(TEN_BYTES, { title: 'http', version: '1' }) });
    const whole = await get('title=http&version=1');
    expect(await whole.text()).toBe('0123456789');
    expect(whole.headers.get('x-filename')).toBe('fw.bin');
    expect(await (await get('title=http&version=1&size=4&chunk=2')).text()).toBe('89');
    const past = await get('title=http&version=1&size=4&chunk=3');
    expect([past.status, await past.text()]).toEqual([200, '']);
    expect((await get('title=http&version=2')).status).toBe(400);
    expect((await get('title=http')).status).toBe(400);
    expect((await get('title=http&version=1', 'software')).status).toBe(404);
  });

  it('a device that asks for chunks and does not read costs its own connection only', async () => {
    const bytes = Buffer.alloc(200_000, 7);
    await using client = await device('o-deaf', 5);
    await assign('o-deaf', { firmware: await made(bytes) });
    client.pause();
    for (let n = 0; n < 500; n++) client.publishQos0(chunkTopic(1, n % 3), '65536');
    await using other = await device('o-deaf-other');
    expect(await other.publish('v1/devices/me/telemetry', '{"t":1}')).toBe(0);
    client.resume();
    await client.ended(20_000);
  });
});
