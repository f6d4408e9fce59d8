import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../helpers/broker.ts';
import { type Brokers, startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, newDevice } from '../helpers/system.ts';

const ATTRIBUTES = 'v1/devices/me/attributes';
const TELEMETRY = 'v1/devices/me/telemetry';
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 50 });

interface Target {
  readonly name: string;
  readonly state: string;
  readonly attempts: number;
  readonly reason?: string;
}

/** A device that counts how often it is told of each version. */
class Meter {
  readonly name: string;
  readonly told: string[] = [];
  readonly #client: MqttClient;

  constructor(name: string, client: MqttClient) {
    this.name = name;
    this.#client = client;
  }

  static async at(broker: Broker, name: string, token: string): Promise<Meter> {
    const client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    await client.subscribe(ATTRIBUTES);
    return new Meter(name, client);
  }

  says(values: Readonly<Record<string, string>>): Promise<number> {
    return this.#client.publish(TELEMETRY, JSON.stringify(values));
  }

  /** Reads what has come; an update without a version is a package taken away. */
  async heard(): Promise<readonly string[]> {
    await this.#client.alive();
    while (this.#client.unread.includes('publish')) {
      const message = await this.#client.message();
      const { fw_version: version } = JSON.parse(message.slice(message.indexOf(' ') + 1)) as { fw_version?: string };
      if (version !== undefined) this.told.push(version);
    }
    return this.told;
  }

  async isToldOf(version: string, times = 1): Promise<void> {
    await soon(async () => (await this.heard()).filter((one) => one === version).length).toBe(times);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
}

describe('firmware campaigns over two brokers', () => {
  let brokers: Brokers;
  let one: Broker;
  let two: Broker;

  beforeAll(async () => {
    brokers = await startBrokers(2);
    [one, two] = brokers.all as [Broker, Broker];
  });
  afterAll(() => brokers[Symbol.asyncDispose]());

  const firmware = async (version: string): Promise<string> => {
    const body = { title: 'fw', version, type: 'FIRMWARE', deviceProfile: 'smart-meter', url: 'http://127.0.0.1/f' };
    return (await api<{ id: { id: string } }>(two, '/api/otaPackage', { method: 'POST', body })).id.id;
  };
  const start = async (at: Broker, version: string, devices: readonly string[], more: object = {}): Promise<string> => {
    const body = { name: version, package: await firmware(version), devices, timeoutSeconds: 600, retries: 0, ...more };
    const begun = await api<{ id: string; targets: number }>(at, '/api/gridmoor/ota/campaigns', {
      method: 'POST',
      body,
    });
    expect(begun.targets).toBe(devices.length);
    return begun.id;
  };
  const targets = async (at: Broker, id: string): Promise<readonly Target[]> =>
    (await api<{ data: Target[] }>(at, `/api/gridmoor/ota/campaigns/${id}/devices`)).data;
  const states = async (at: Broker, id: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await targets(at, id)).map(({ name, state, attempts, reason }) => [
        name,
        [state, attempts, ...(reason === undefined ? [] : [reason])].join(' '),
      ]),
    );
  const stateOf = async (at: Broker, id: string) =>
    (await api<{ state: string }>(at, `/api/gridmoor/ota/campaigns/${id}`)).state;
  const meter = async (at: Broker, name: string): Promise<Meter> => {
    const made = await Meter.at(at, name, await newDevice(one, name));
    await made.says({ current_fw_title: 'fw', current_fw_version: '1.0' });
    return made;
  };

  it('a campaign that is begun at one reaches the devices of both, once; each counts once, wherever it reports', async () => {
    await using a = await meter(one, 'a');
    await using b = await meter(two, 'b');
    const id = await start(two, '1.1', ['a', 'b']);
    await a.isToldOf('1.1');
    await b.isToldOf('1.1');
    await Promise.all([a, b].map((device) => device.says({ fw_state: 'UPDATING' })));
    await soon(() => states(one, id)).toEqual({ a: 'installing 1', b: 'installing 1' });
    await a[Symbol.asyncDispose]();
    await using moved = await Meter.at(two, 'a', 'token-of-a-0123456789');
    const done = { current_fw_title: 'fw', current_fw_version: '1.1', fw_state: 'UPDATED' };
    await Promise.all([moved.says(done), b.says(done)]);
    await soon(() => stateOf(one, id)).toBe('done');
    expect(await states(two, id)).toEqual({ a: 'succeeded 1', b: 'succeeded 1' });
    expect(await b.heard()).toEqual(['1.1']);
  });

  it('a device that stays silent is told again, once for each retry, by one broker only', async () => {
    await using silent = await meter(two, 'silent');
    const id = await start(one, '1.2', ['silent'], { timeoutSeconds: 3, retries: 1 });
    await soon(() => stateOf(two, id)).toBe('done');
    expect(await states(two, id)).toEqual({ silent: 'failed 2 TIMEOUT' });
    expect((await silent.heard()).filter((version) => version === '1.2')).toHaveLength(2);
    const { data } = await api<{ data: { action: string; outcome: string; facts?: { package?: string } }[] }>(
      one,
      '/api/gridmoor/audit?pageSize=20',
    );
    const ended = data.filter(({ action, outcome }) => action === 'ota.campaign' && outcome === 'done');
    expect(ended).toHaveLength(2);
  });

  it('the broker that leads is killed while it tells: the other one tells the rest, and each counts once', async () => {
    const names = Array.from({ length: 24 }, (_, at) => `m-${at}`);
    const meters = await Promise.all(names.map((name) => meter(two, name)));
    const id = await start(two, '1.3', names);
    await soon(async () => (await Promise.all(meters.map((device) => device.heard()))).flat()).toContain('1.3');
    await one.kill('SIGKILL');
    for (const device of meters) await soon(() => device.heard()).toContain('1.3');
    await Promise.all(
      meters.map((device) => device.says({ current_fw_title: 'fw', current_fw_version: '1.3', fw_state: 'UPDATED' })),
    );
    await soon(() => stateOf(two, id)).toBe('done');
    expect(new Set(Object.values(await states(two, id)))).toEqual(new Set(['succeeded 1']));
    for (const device of meters) {
      // Once more at most: who was just being told when the broker ended.
      expect((await device.heard()).length).toBeLessThanOrEqual(2);
      await device[Symbol.asyncDispose]();
    }
  });
});
