import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import { api } from './system.ts';

/**
 * Telemetry goes to app clients with QoS 1 as `app/telemetry/<device>`, unless it holds `"quiet":true`; attributes are retained
 * there as `app/attributes/<device>`, and a claim of `supplier` sends them to that supplier's topics.
 */
const CHAIN = {
  name: 'root',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: { 'Post telemetry': 'quiet?', 'Post attributes': 'supplied?' },
    },
    'quiet?': {
      kind: 'filter/check-fields',
      config: { msg: ['quiet'] },
      to: { True: 'save', False: 'publish' },
    },
    publish: {
      kind: 'external/mqtt-publish',
      config: { topicPattern: 'app/telemetry/${deviceName}' },
      to: { Success: 'save' },
    },
    'supplied?': {
      kind: 'filter/check-fields',
      config: { msg: ['supplier'] },
      to: { True: 'to-supplier', False: 'keep' },
    },
    'to-supplier': {
      kind: 'external/mqtt-publish',
      config: { topicPattern: 'app/supplier/$[supplier]/${deviceName}', qos: 'AT_MOST_ONCE' },
      to: { Success: 'save-attributes' },
    },
    keep: {
      kind: 'external/mqtt-publish',
      config: { topicPattern: 'app/attributes/${deviceName}', retain: true },
      to: { Success: 'save-attributes' },
    },
    save: { kind: 'action/save-telemetry' },
    'save-attributes': { kind: 'action/save-attributes', config: { notifyDevice: false } },
  },
};

/** A broker whose chain publishes what devices send. */
export async function startAppBroker(options: BrokerOptions = {}): Promise<Broker> {
  const chainsDir = await mkdtemp(join(tmpdir(), 'gridmoor-app-chains-'));
  await cp(new URL('../../rule-chains/chain.schema.json', import.meta.url), join(chainsDir, 'chain.schema.json'));
  await writeFile(join(chainsDir, 'root.json'), JSON.stringify(CHAIN));
  const broker = await startBroker({ chainsDir, ...options });
  const end = broker[Symbol.asyncDispose].bind(broker);
  broker[Symbol.asyncDispose] = async () => {
    await end();
    await rm(chainsDir, { recursive: true, force: true });
  };
  return broker;
}

export interface AppKey {
  readonly id: string;
  readonly secretKey: string;
}

export async function newKey(broker: Broker, fields: Readonly<Record<string, unknown>> = {}): Promise<AppKey> {
  const body = { name: `app-${Math.random().toString(36).slice(2)}`, role: 'operator', ...fields };
  return api<AppKey>(broker, '/api/gridmoor/api-keys', { method: 'POST', body });
}

/** A real MQTT.js client that remembers what it gets. */
export interface App extends AsyncDisposable {
  readonly client: MqttClient;
  /** `topic payload`, in order. */
  readonly got: readonly string[];
  /** Waits until it has so many messages. */
  until(count: number, deadlineMs?: number): Promise<readonly string[]>;
  /** Reason code of the DISCONNECT, or `closed` without one. */
  readonly ended: Promise<number | 'closed'>;
}

export async function openApp(broker: Broker, key: AppKey, options: IClientOptions = {}): Promise<App> {
  const got: string[] = [];
  let changed: () => void = () => {};
  const client = connect(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
    username: 'apikey',
    password: key.secretKey,
    reconnectPeriod: 0,
    ...options,
  });
  // What waits for the session comes right behind the CONNACK.
  const app = watch(client);
  await letIn(client);
  return app;

  function watch(opened: MqttClient): App {
    opened.on('message', (topic, payload) => {
      got.push(`${topic} ${payload}`);
      changed();
    });
    opened.on('error', () => {});
    const ended = new Promise<number | 'closed'>((resolve) => {
      opened.on('disconnect', ({ reasonCode }) => resolve(reasonCode ?? 0));
      opened.on('close', () => setImmediate(() => resolve('closed')));
    });
    return {
      client: opened,
      got,
      ended,
      until(count, deadlineMs = 10_000) {
        return new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`${got.length} of ${count} messages`)), deadlineMs);
          changed = () => {
            if (got.length < count) return;
            clearTimeout(timer);
            resolve(got);
          };
          changed();
        });
      },
      async [Symbol.asyncDispose]() {
        await opened.endAsync(true);
      },
    };
  }
}

/** Rejects, and closes, when the broker does not let it in. */
async function letIn(client: MqttClient): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', reject);
      client.once('close', () => reject(new Error('closed before it was let in')));
    });
  } catch (error) {
    client.end(true);
    throw error;
  }
}

/** SUBACK codes. */
export async function subscribe(app: App, filters: string | string[], qos: 0 | 1 | 2 = 1): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    app.client.subscribe(filters, { qos }, (error, granted, packet) => {
      if (packet && 'granted' in packet) resolve(packet.granted as number[]);
      else if (granted) resolve(granted.map((one) => one.qos));
      else reject(error);
    });
  });
}
