import type { Connection, Publisher } from 'rabbitmq-client';
import { flag, integer, json, oneOf, optional, text } from '../../../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../../../schema/secret-ref.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { bodyText, Link, Places, within } from '../../outside/index.ts';
import { compileText } from '../../template.ts';

/** The Java client's named sets of properties -> content type and whether the message outlives a restart. */
const PROPERTIES = {
  BASIC: { contentType: 'application/octet-stream', durable: false },
  TEXT_PLAIN: { contentType: 'text/plain', durable: false },
  MINIMAL_BASIC: { durable: false },
  MINIMAL_PERSISTENT_BASIC: { durable: true },
  PERSISTENT_BASIC: { contentType: 'application/octet-stream', durable: true },
  PERSISTENT_TEXT_PLAIN: { contentType: 'text/plain', durable: true },
} as const;
const NAMES = [
  'BASIC',
  'TEXT_PLAIN',
  'MINIMAL_BASIC',
  'MINIMAL_PERSISTENT_BASIC',
  'PERSISTENT_BASIC',
  'PERSISTENT_TEXT_PLAIN',
] as const;

export const rabbitmq = defineNode({
  kind: 'external/rabbitmq',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.rabbitmq.TbRabbitMqNode',
    version: 0,
    read: fromThingsBoard,
    write: toThingsBoard,
  },
  version: 0,
  summary:
    'Publishes the body to a RabbitMQ exchange; the message goes on by Success when RabbitMQ has confirmed it. A message that no queue takes fails. Secrets are left out.',
  since: '0.2.0',
  outside: true,
  fields: {
    exchangeNamePattern: text('Exchange; ${key} is metadata, $[key] the body. Empty: straight to the queue.', {
      default: '',
    }),
    routingKeyPattern: text('Routing key, with placeholders; without an exchange the name of the queue.', {
      default: '',
      examples: ['telemetry.${deviceType}'],
    }),
    messageProperties: oneOf('Properties of the message.', NAMES, { default: 'MINIMAL_PERSISTENT_BASIC' }),
    host: text('Host name or address.', { minLength: 1 }),
    port: integer('Port.', { default: 5672, minimum: 1, maximum: 65_535 }),
    virtualHost: text('Virtual host.', { default: '/' }),
    ssl: flag('Whether the connection is encrypted, and the certificate checked.', { default: false }),
    username: text('User.', { default: 'guest' }),
    password: optional(json<SecretRef>('Password; absent: "guest".', secretRefSchema('unset, the chains are refused'))),
    connectionTimeout: integer('Time to connect, and then for the confirmation, ms.', {
      default: 8_000,
      minimum: 100,
      maximum: 60_000,
    }),
    maxInFlight: integer('Messages under way at most; more fail.', { default: 1_000, minimum: 1, maximum: 100_000 }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'Telemetry goes to the exchange of the supplier',
      config: { exchangeNamePattern: 'meters', routingKeyPattern: 'telemetry.${deviceType}', host: 'rabbit.example' },
      msg: { data: { power: 230 }, metadata: { deviceType: 'smart-meter' } },
      goesTo: 'Success',
    },
  ],
  *lint({ exchangeNamePattern, routingKeyPattern, ssl, password }) {
    if (exchangeNamePattern === '' && routingKeyPattern === '') {
      yield { at: '/routingKeyPattern', problem: 'neither an exchange nor a queue is named: no message arrives' };
    }
    if (password !== undefined && !ssl) {
      const problem = 'the password travels in clear: whoever is on the way can read it';
      yield { at: '/ssl', problem, hint: 'set "ssl": true', level: 'warning' };
    }
  },
  create(config, loader) {
    const exchange = compileText(config.exchangeNamePattern);
    const routingKey = compileText(config.routingKeyPattern);
    const places = new Places(config.maxInFlight);
    const timeoutMs = config.connectionTimeout;
    const password = config.password === undefined ? undefined : loader.secret(config.password);
    const properties = PROPERTIES[config.messageProperties];
    let serial = 0;
    /** Messages under way, and whether RabbitMQ gave each back: it says so before it confirms it. */
    const underWay = new Map<string, boolean>();
    const link: Link<{ connection: Connection; publisher: Publisher }> = new Link(
      async () => {
        const { Connection } = await import('rabbitmq-client');
        const connection = new Connection({
          hostname: config.host,
          port: config.port,
          vhost: config.virtualHost,
          username: config.username,
          password: password?.reveal() ?? 'guest',
          tls: config.ssl,
          connectionTimeout: timeoutMs,
          acquireTimeout: timeoutMs,
        });
        try {
          await connection.onConnect(timeoutMs);
        } catch (error) {
          connection.unsafeDestroy();
          throw error;
        }
        connection.on('error', () => link.drop());
        const publisher = connection.createPublisher({ confirm: true });
        publisher.on('basic.return', ({ messageId }) => {
          if (messageId !== undefined && underWay.has(messageId)) underWay.set(messageId, true);
        });
        return { connection, publisher };
      },
      async ({ connection }) => connection.unsafeDestroy(),
    );
    return {
      onMsg: (msg) =>
        places.with(async () => {
          const messageId = String(serial++);
          const to = {
            exchange: exchange(msg),
            routingKey: routingKey(msg),
            mandatory: true,
            messageId,
            ...properties,
          };
          const { publisher } = await link.get();
          underWay.set(messageId, false);
          try {
            const sent = publisher.send(to, Buffer.from(bodyText(msg)));
            await within(timeoutMs, 'RabbitMQ did not confirm', sent);
            // The client tells of a return one turn later than of a confirmation.
            await new Promise((resolve) => setImmediate(resolve));
            if (underWay.get(messageId)) throw new NodeFailure('no queue takes the message');
          } finally {
            underWay.delete(messageId);
          }
          return { relation: 'Success' as const, msg };
        }),
      close: () => link.close(),
    };
  },
});

function fromThingsBoard(configuration: RawConfig): RawConfig {
  const { version, automaticRecoveryEnabled, handshakeTimeout, clientProperties, messageProperties, ...rest } =
    configuration;
  if (Object.keys((clientProperties ?? {}) as object).length > 0) {
    throw new NodeFailure('clientProperties are not offered');
  }
  const { connectionTimeout, ...plain } = rest;
  return {
    ...plain,
    ...(messageProperties === null || messageProperties === undefined ? {} : { messageProperties }),
    ...(typeof connectionTimeout === 'number' && connectionTimeout > 0
      ? { connectionTimeout: Math.min(connectionTimeout, 60_000) }
      : {}),
  };
}

function toThingsBoard({ maxInFlight, ssl, password = 'guest', ...config }: RawConfig): RawConfig {
  if (ssl === true) throw new NodeFailure('ThingsBoard connects to RabbitMQ without ssl');
  if (typeof password !== 'string') {
    throw new NodeFailure('password is a reference: ThingsBoard holds passwords in clear');
  }
  return { ...config, password, automaticRecoveryEnabled: false, handshakeTimeout: 10_000, clientProperties: {} };
}
