import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IClientOptions, type IPublishPacket, type MqttClient as JsClient, connectAsync } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { type Broker, type BrokerOptions, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, newDevice } from '../helpers/system.ts';

/** Everything that devices send goes to app clients: telemetry with QoS 1, attributes with QoS 0, a calibration is retained. */
const CHAIN = {
  name: 'root',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: { 'Post telemetry': 'quiet?', 'Post attributes': 'tell' },
    },
    'quiet?': {
      kind: 'filter/conditions',
      config: { conditions: { all: [{ fact: 'msg', path: '$.quiet', operator: 'equal', value: true }] } },
      to: { True: 'save', False: 'publish' },
    },
    publish: {
      kind: 'external/mqtt-publish',
      config: { topicPattern: 'app/telemetry/${deviceName}' },
      to: { Success: 'save' },
    },
    tell: {
      kind: 'external/mqtt-publish',
      config: { topicPattern: 'app/attributes/${deviceName}', retain: true },
      to: { Success: 'save-attributes' },
    },
    save: { kind: 'action/save-telemetry' },
    'save-attributes': { kind: 'action/save-attributes' },
  },
};

export async function withApps(options: BrokerOptions = {}): Promise<Broker & AsyncDisposable> {
  const chainsDir = await mkdtemp(join(tmpdir(), 'gridmoor-app-chains-'));
  await cp(new URL('../../rule-chains/chain.schema.json', import.meta.url), join(chainsDir, 'chain.schema.json'));
  await writeFile(join(chainsDir, 'root.json'), JSON.stringify(CHAIN));
  const broker = await startBroker({ chainsDir, ...options });
  const end = broker[Symbol.asyncDispose].bind(broker);
  return Object.assign(broker, {
    async [Symbol.asyncDispose]() {
      await end();
      await rm(chainsDir, { recursive: true, force: true });
    },
  });
}

describe('app clients', () => {
  it('smoke', async () => {
    await using broker = await withApps();
    const key = await api<{ id: string; secretKey: string }>(broker, '/api/gridmoor/api-keys', {
      method: 'POST',
      body: { name: 'x', role: 'operator' },
    });
    for (const protocolVersion of [4, 5] as const) {
      const client = await connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
        protocolVersion,
        username: 'apikey',
        password: key.secretKey,
        clientId: 'one',
        reconnectPeriod: 0,
      });
      const got = new Promise<string>((resolve) =>
        client.once('message', (topic, payload) => resolve(`${topic} ${payload}`)),
      );
      expect(await client.subscribeAsync('app/telemetry/#', { qos: 1 })).toMatchObject([{ qos: 1 }]);
      const token = await newDevice(broker, `m${protocolVersion}`);
      await using device = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
      expect(await device.publish('v1/devices/me/telemetry', '{"power":1}')).toBe(0);
      expect(await got).toBe(`app/telemetry/m${protocolVersion} {"power":1}`);
      await client.endAsync();
    }
  });
});
