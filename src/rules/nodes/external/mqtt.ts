import type { MqttClient } from 'mqtt';
import { flag, integer, json, oneOf, optional, text } from '../../../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../../../schema/secret-ref.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { Link, Places, payloadText, within } from '../../outside/index.ts';
import { compileText } from '../../template.ts';

interface Credentials {
  readonly username: string;
  readonly password: SecretRef;
}

const LEVELS = { MQTT_3_1: 3, MQTT_3_1_1: 4, MQTT_5: 5 } as const;

export const mqtt = defineNode({
  kind: 'external/mqtt',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.mqtt.TbMqttNode',
    version: 2,
    upgrades: [
      (old) => ({ parseToPlainText: false, ...old }),
      // Before the choice existed every connection was made with 3.1 (thingsboard-rule-chains 1.6).
      (old) => ({ protocolVersion: 'MQTT_3_1', ...old }),
    ],
    read: fromThingsBoard,
    write: toThingsBoard,
  },
  version: 0,
  summary:
    'Publishes the body to another MQTT broker with QoS 1; the message goes on by Success when that broker has acknowledged it. Secrets are left out.',
  since: '0.2.0',
  outside: true,
  fields: {
    topicPattern: text('Topic; ${key} is metadata, $[key] the body.', {
      minLength: 1,
      examples: ['meters/${deviceName}/telemetry'],
    }),
    host: text('Host name or address of the broker.', { minLength: 1 }),
    port: integer('Port.', { default: 1883, minimum: 1, maximum: 65_535 }),
    ssl: flag('Whether the connection is encrypted, and the certificate of the broker checked.', { default: false }),
    protocolVersion: oneOf('Version of the protocol.', ['MQTT_3_1', 'MQTT_3_1_1', 'MQTT_5'], { default: 'MQTT_3_1_1' }),
    clientId: optional(text('Client id; absent: one is made for each process.', { minLength: 1 })),
    appendClientIdSuffix: flag('Whether a random suffix makes the client id differ in every process.', {
      default: false,
    }),
    cleanSession: flag('Whether the broker forgets the session when the connection ends.', { default: true }),
    retainedMessage: flag('Whether the broker keeps the message for later subscribers.', { default: false }),
    parseToPlainText: flag('Send a body that is one JSON text as plain text.', { default: false }),
    connectTimeoutSec: integer('Time to connect, and then for the acknowledgement, s.', {
      default: 10,
      minimum: 1,
      maximum: 60,
    }),
    maxInFlight: integer('Messages under way at most; more fail.', { default: 1_000, minimum: 1, maximum: 65_535 }),
    credentials: optional(
      json<Credentials>('User and password.', {
        type: 'object',
        additionalProperties: false,
        required: ['username', 'password'],
        properties: {
          username: { type: 'string', minLength: 1 },
          password: secretRefSchema('unset, the chains are refused'),
        },
      }),
    ),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'Telemetry goes on to the broker of the grid operator',
      config: { topicPattern: 'meters/${deviceName}/telemetry', host: 'mqtt.grid.example', port: 8883, ssl: true },
      msg: { data: { power: 230 }, metadata: { deviceName: 'meter-1' } },
      goesTo: 'Success',
    },
  ],
  *lint({ topicPattern, ssl, credentials }) {
    if (/[+#]/.test(topicPattern)) yield { at: '/topicPattern', problem: 'a topic to publish to has no wildcards' };
    if (credentials && !ssl) {
      const problem = 'the password travels in clear: whoever is on the way can read it';
      yield { at: '/ssl', problem, hint: 'set "ssl": true', level: 'warning' };
    }
  },
  create(config, loader) {
    const topic = compileText(config.topicPattern);
    const places = new Places(config.maxInFlight);
    const timeoutMs = config.connectTimeoutSec * 1_000;
    const password = config.credentials && loader.secret(config.credentials.password);
    const suffix = config.appendClientIdSuffix ? `_${Math.random().toString(36).slice(2, 10)}` : '';
    const link: Link<MqttClient> = new Link(
      async () => {
        const { connectAsync } = await import('mqtt');
        const client = await connectAsync({
          protocol: config.ssl ? 'mqtts' : 'mqtt',
          host: config.host,
          port: config.port,
          protocolVersion: LEVELS[config.protocolVersion],
          ...(config.protocolVersion === 'MQTT_3_1' ? { protocolId: 'MQIsdp' } : {}),
          ...(config.clientId === undefined ? {} : { clientId: config.clientId + suffix }),
          clean: config.cleanSession,
          connectTimeout: timeoutMs,
          ...(config.credentials && password
            ? { username: config.credentials.username, password: password.reveal() }
            : {}),
          // A broken connection fails what is under way; the next message makes another.
          reconnectPeriod: 0,
        });
        client.on('error', () => link.drop());
        client.on('close', () => link.drop());
        return client;
      },
      (client) => client.endAsync(true),
    );
    return {
      onMsg: (msg) =>
        places.with(async () => {
          const to = topic(msg);
          if (/[+#\0]/.test(to) || to === '') throw new NodeFailure('the topic has a wildcard or no character');
          const client = await link.get();
          const options = { qos: 1 as const, retain: config.retainedMessage };
          const sent = client.publishAsync(to, payloadText(msg, config.parseToPlainText), options);
          await within(timeoutMs, 'the broker did not acknowledge', sent);
          return { relation: 'Success' as const, msg };
        }),
      close: () => link.close(),
    };
  },
});

function fromThingsBoard({ version, credentials, clientId, ...rest }: RawConfig): RawConfig {
  const { type = 'anonymous', username, password } = (credentials ?? {}) as Readonly<Record<string, unknown>>;
  if (type !== 'anonymous' && type !== 'basic') throw new NodeFailure(`credentials of type ${type} are not offered`);
  return {
    ...rest,
    ...(typeof clientId === 'string' && clientId !== '' ? { clientId } : {}),
    ...(type === 'basic' ? { credentials: { username, password } } : {}),
  };
}

function toThingsBoard({ maxInFlight, credentials, ...config }: RawConfig): RawConfig {
  if (credentials === undefined) return { ...config, credentials: { type: 'anonymous' } };
  const { username, password } = credentials as Credentials;
  if (typeof password !== 'string') {
    throw new NodeFailure('credentials.password is a reference: ThingsBoard holds passwords in clear');
  }
  return { ...config, credentials: { type: 'basic', username, password } };
}
