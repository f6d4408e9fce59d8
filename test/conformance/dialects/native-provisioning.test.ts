import { createHash, createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { startBrokers } from '../../helpers/brokers.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import { TBP1_SECRET as SECRET, signedNow } from '../../helpers/tbp1.ts';

const NOT_FOUND = '{"errorMsg":"Provision data was not found!","status":"NOT_FOUND"}';
const FAILURE = '{"errorMsg":"Failed to provision device!","status":"FAILURE"}';
const FORMER = 'the-secret-before-0123456789';
const secret = { env: 'SECRET' };
const create = { strategy: 'allow-create-new-devices', secret };
const previous = (until: string) => ({ secret: { env: 'FORMER' }, until });
const PROFILES = {
  meter: { ...create, key: 'pk-demo' },
  once: { ...create, key: 'pk-once', onExisting: 'once' },
  counted: { ...create, key: 'pk-counted', quota: 3 },
  overlap: { ...create, key: 'pk-overlap', previousSecret: previous('2099-01-01T00:00:00Z') },
  over: { ...create, key: 'pk-over', previousSecret: previous('2020-01-01T00:00:00Z') },
};
const env = { SECRET, FORMER, GRIDMOOR_FREE_REFUSALS: '100000' };
const DEVICE_KEY = Buffer.alloc(32, 9);

const plain = (key: string, deviceName: string, more: object = {}): string =>
  JSON.stringify({ provisionDeviceKey: key, provisionDeviceSecret: SECRET, deviceName, ...more });

/** Names the device's own key, and shows it: for the first contact and each later one. */
function withPossession(deviceName: string): string {
  const key = { type: 'hmac-sha256', key: DEVICE_KEY.toString('base64') };
  const claims = JSON.stringify({ possessionKey: key });
  const body = JSON.parse(signedNow({ provisionDeviceKey: 'pk-once', deviceName, claims }));
  const digest = createHash('sha256').update(claims).digest('hex');
  const lines = ['TBP1-possession', 'pk-once', deviceName, body.timestamp, body.nonce, digest];
  const possessionSign = createHmac('sha256', DEVICE_KEY).update(lines.join('\n')).digest('hex');
  return JSON.stringify({ ...body, possessionSign });
}

const overHttp = async ({ url }: Broker, body: string): Promise<string> =>
  (await fetch(`${url}/api/v1/provision`, { method: 'POST', body })).text();

async function overMqtt({ ports }: Broker, body: string): Promise<string> {
  await using session = await MqttClient.connect({ port: ports.mqtt, userName: 'provision' });
  await session.publish('/provision/request', body);
  return (await session.message()).replace('/provision/response ', '');
}

const tokenIn = (text: string): string => (JSON.parse(text) as { credentialsValue?: string }).credentialsValue ?? text;
const statusOf = (text: string): string => (JSON.parse(text) as { status: string }).status;
const post = async ({ url }: Broker, token: string, path = 'telemetry', body = '{"a":1}'): Promise<number> =>
  (await fetch(`${url}/api/v1/${token}/${path}`, { method: 'POST', body })).status;
/** Resolves with the last request's outcome, before or after its answer is out. */
const logged = async (broker: Broker, outcome: string): Promise<void> => {
  const before = broker.logs().length;
  await expect
    .poll(
      () =>
        broker
          .logs()
          .slice(before - 1)
          .some((line) => line.outcome === outcome),
      { interval: 1, timeout: 20_000 },
    )
    .toBe(true);
};
const named = async (broker: Broker, prefix: string): Promise<number> => {
  const path = `/api/tenant/devices?pageSize=1&page=0&textSearch=${prefix}`;
  return (await api<{ totalElements: number }>(broker, path)).totalElements;
};

describe('provisioning of native profiles', () => {
  let broker: Broker;
  let profilesDir: string;

  beforeAll(async () => {
    profilesDir = await mkdtemp(join(tmpdir(), 'gridmoor-native-'));
    for (const [name, provision] of Object.entries(PROFILES)) {
      await writeFile(join(profilesDir, `${name}.json`), JSON.stringify({ name, provision }));
    }
    broker = await startBroker({ profilesDir, env });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(profilesDir, { recursive: true, force: true });
  });

  it('case 28: a new name succeeds, the same again fails, a wrong secret is not found, in the exact words', async () => {
    const answer = JSON.parse(await overMqtt(broker, plain('pk-demo', 'c28'))) as Record<string, string>;
    expect(answer).toEqual({
      status: 'SUCCESS',
      credentialsType: 'ACCESS_TOKEN',
      credentialsValue: expect.stringMatching(/^[A-Za-z0-9]{20}$/),
    });
    expect(await overMqtt(broker, plain('pk-demo', 'c28'))).toBe(FAILURE);
    expect(await overMqtt(broker, plain('pk-demo', 'c28-b', { provisionDeviceSecret: 'wrong' }))).toBe(NOT_FOUND);
    expect(await overMqtt(broker, plain('pk-none', 'c28-b'))).toBe(NOT_FOUND);
  });

  it('case 29: a provision session that publishes elsewhere is closed, and may subscribe to nothing else', async () => {
    await using session = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: 'provision' });
    const codes = await session.subscribe('#', '/provision/request', 'v1/devices/me/attributes');
    expect(codes.every((code) => code >= 0x80)).toBe(true);
    await session.publish('v1/devices/me/telemetry', '{"a":1}');
    await session.ended();
  });

  it('case 33: the previous secret of a native profile works until its end, sent and signed', async () => {
    const sent = (key: string, name: string) => plain(key, name, { provisionDeviceSecret: FORMER });
    expect(statusOf(await overMqtt(broker, sent('pk-overlap', 'c33-a')))).toBe('SUCCESS');
    const signed = (provisionDeviceKey: string, deviceName: string) =>
      signedNow({ provisionDeviceKey, deviceName }, FORMER);
    expect(statusOf(await overMqtt(broker, signed('pk-overlap', 'c33-b')))).toBe('SUCCESS');
    expect(await overMqtt(broker, sent('pk-over', 'c33-c'))).toBe(NOT_FOUND);
    expect(await overMqtt(broker, signed('pk-over', 'c33-d'))).toBe(NOT_FOUND);
    expect(statusOf(await overMqtt(broker, plain('pk-over', 'c33-e')))).toBe('SUCCESS');
  });

  it('case 43: a device made at one broker logs in at the other at once; a nonce is good at one alone, and quotas are of both', async () => {
    await using pair = await startBrokers(2, { profilesDir, env });
    const [one, two] = pair.all;
    if (!one || !two) throw new Error('two brokers were asked for');
    const body = signedNow({ deviceName: 'c43' });
    const token = tokenIn(await overMqtt(one, body));
    expect(await post(two, token)).toBe(200);
    expect(await overHttp(two, body)).toBe(NOT_FOUND);
    // A challenge of one is known to the other, and used up for both.
    const { nonce } = (await (await fetch(`${one.url}/api/v1/provision/challenge`)).json()) as { nonce: string };
    const challenged = signedNow({ deviceName: 'c43-b', nonce, timestamp: 0 });
    expect(statusOf(await overHttp(two, challenged))).toBe('SUCCESS');
    expect(await overHttp(one, challenged)).toBe(NOT_FOUND);
    // 20 requests of one nonce at both: one gets in.
    const shared = { nonce: 'one-nonce-for-both-brokers' };
    const racing = Array.from({ length: 20 }, (_, at) =>
      overHttp(at % 2 ? one : two, signedNow({ ...shared, deviceName: `race-${at}` })),
    );
    expect((await Promise.all(racing)).map(statusOf).filter((status) => status === 'SUCCESS')).toHaveLength(1);
    expect(await named(one, 'race-')).toBe(1);
    // A quota is that of both together.
    const many = Array.from({ length: 20 }, (_, at) =>
      overHttp(at % 2 ? one : two, plain('pk-counted', `counted-${at}`)),
    );
    expect((await Promise.all(many)).map(statusOf).filter((status) => status === 'SUCCESS')).toHaveLength(3);
    expect(await named(two, 'counted-')).toBe(3);
  });

  it('case 44: a broker killed at any moment of a request leaves no half device, and the device gets in', async () => {
    await using own = await startBroker({ profilesDir, env });
    for (const moment of ['at once', 'on its way', 'when it is stored']) {
      const deviceName = `c44 ${moment}`;
      const asked = overHttp(own, withPossession(deviceName)).catch(() => 'nothing was heard');
      if (moment === 'on its way') await fetch(`${own.url}/healthz`);
      if (moment === 'when it is stored') await logged(own, 'created');
      await own.restart('SIGKILL');
      await asked;
      const token = tokenIn(await overHttp(own, withPossession(deviceName)));
      expect(await post(own, token)).toBe(200);
      expect(await overHttp(own, withPossession(deviceName))).toBe(FAILURE);
      expect(await named(own, deviceName)).toBe(1);
    }
  });

  it('case 45: 1,000 devices with 50 doubled serials at once make exactly 950, the doubled ones by their policy', async () => {
    const bodies = Array.from({ length: 1_000 }, (_, at) => withPossession(`c45-${at % 950}-end`));
    const answers: string[] = [];
    const next = async (worker: number): Promise<void> => {
      for (let at = worker; at < bodies.length; at += 50) answers[at] = await overHttp(broker, bodies[at] ?? '');
    };
    await Promise.all(Array.from({ length: 50 }, (_, worker) => next(worker)));
    expect(answers.map(statusOf).filter((status) => status !== 'SUCCESS')).toEqual([]);
    expect(await named(broker, 'c45-')).toBe(950);
    for (let at = 950; at < 1_000; at++) expect(tokenIn(answers[at] ?? '')).toBe(tokenIn(answers[at - 950] ?? ''));
    expect(new Set(answers.map(tokenIn)).size).toBe(950);
  });
});
