import type { Producer } from '@platformatic/kafka';
import { flag, integer, json, oneOf, optional, text } from '../../../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../../../schema/secret-ref.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { bodyText, Link, Places, within } from '../../outside/index.ts';
import { compileText } from '../../template.ts';

interface Sasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: SecretRef;
}

const ACKS = { '0': 0, '1': 1, '-1': -1, all: -1 } as const;
const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;

export const kafka = defineNode({
  kind: 'external/kafka',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.kafka.TbKafkaNode',
    version: 1,
    upgrades: [(old) => ({ keyPattern: '', ...old })],
    read: fromThingsBoard,
    write: toThingsBoard,
  },
  version: 0,
  summary:
    'Sends the body as a record to Apache Kafka; the message goes on by Success with metadata topic, partition and offset when Kafka has taken it. Secrets are left out.',
  since: '0.2.0',
  outside: true,
  fields: {
    topicPattern: text('Topic; ${key} is metadata, $[key] the body.', { minLength: 1, examples: ['telemetry'] }),
    keyPattern: text('Key of the record: records of one key keep their order. Empty: none.', {
      default: '',
      examples: ['${deviceName}'],
    }),
    bootstrapServers: text('Brokers as host:port, with commas between.', {
      pattern: '^[^\\s,:]+:\\d{1,5}(,[^\\s,:]+:\\d{1,5})*$',
      examples: ['kafka-1:9092,kafka-2:9092'],
    }),
    acks: oneOf(
      'Who must have the record: 0 nobody, 1 the leader, -1 or all every replica in sync.',
      ['0', '1', '-1', 'all'],
      {
        default: '-1',
      },
    ),
    retries: integer('How often a failed attempt is made again.', { default: 3, minimum: 0, maximum: 100 }),
    addMetadataKeyValuesAsKafkaHeaders: flag('Send the metadata as headers of the record.', { default: false }),
    ssl: flag('Whether the connection is encrypted, and the certificate of the broker checked.', { default: false }),
    sasl: optional(
      json<Sasl>('How the broker names itself to Kafka.', {
        type: 'object',
        additionalProperties: false,
        required: ['mechanism', 'username', 'password'],
        properties: {
          mechanism: { enum: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] },
          username: { type: 'string', minLength: 1 },
          password: secretRefSchema('unset, the chains are refused'),
        },
      }),
    ),
    timeoutMs: integer('Time for Kafka to take a record, all attempts together, ms.', {
      default: 8_000,
      minimum: 100,
      maximum: 60_000,
    }),
    maxInFlight: integer('Records under way at most; more messages fail.', {
      default: 1_000,
      minimum: 1,
      maximum: 100_000,
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'Telemetry goes to one topic, in order for each device',
      config: { topicPattern: 'telemetry', keyPattern: '${deviceName}', bootstrapServers: 'kafka-1:9092' },
      msg: { data: { power: 230 }, metadata: { deviceName: 'meter-1' } },
      goesTo: 'Success',
    },
  ],
  *lint({ acks, sasl, ssl }) {
    if (acks === '0') {
      const problem = 'nobody says that a record was taken: records are lost without a word';
      yield { at: '/acks', problem, hint: 'use "-1"', level: 'warning' };
    }
    if (sasl?.mechanism === 'PLAIN' && !ssl) {
      const problem = 'the password travels in clear: whoever is on the way can read it';
      yield { at: '/ssl', problem, hint: 'set "ssl": true', level: 'warning' };
    }
  },
  create(config, loader) {
    const topic = compileText(config.topicPattern);
    const key = config.keyPattern === '' ? undefined : compileText(config.keyPattern);
    const places = new Places(config.maxInFlight);
    const { sasl, timeoutMs } = config;
    const password = sasl && loader.secret(sasl.password);
    const link = new Link<Producer<string, string, string, string>>(
      async () => {
        const { Producer, stringSerializers } = await import('@platformatic/kafka');
        return new Producer({
          clientId: 'gridmoor',
          bootstrapBrokers: config.bootstrapServers.split(','),
          serializers: stringSerializers,
          acks: ACKS[config.acks],
          retries: config.retries,
          // As far as the brokers allow it; the Java client asks for it, too.
          autocreateTopics: true,
          timeout: timeoutMs,
          connectTimeout: timeoutMs,
          requestTimeout: timeoutMs,
          ...(config.ssl ? { tls: {} } : {}),
          ...(sasl && password
            ? { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: password.reveal() } }
            : {}),
        });
      },
      async (producer) => {
        await producer.close();
      },
    );
    return {
      onMsg: (msg) =>
        places.with(async () => {
          const to = topic(msg);
          if (!TOPIC.test(to))
            throw new NodeFailure('the topic has other characters than letters, digits, ".", "_", "-"');
          const record = {
            topic: to,
            value: bodyText(msg),
            ...(key ? { key: key(msg) } : {}),
            ...(config.addMetadataKeyValuesAsKafkaHeaders ? { headers: msg.metadata } : {}),
          };
          const producer = await link.get();
          const sent = await within(timeoutMs, 'Kafka did not take the record', producer.send({ messages: [record] }));
          const [at] = sent.offsets ?? [];
          const metadata = {
            ...msg.metadata,
            topic: to,
            ...(at ? { partition: String(at.partition), offset: String(at.offset) } : {}),
          };
          return { relation: 'Success' as const, msg: { ...msg, metadata } };
        }),
      close: () => link.close(),
    };
  },
});

/** What tunes the Java client alone is left; properties that change meaning are refused. */
function fromThingsBoard(configuration: RawConfig): RawConfig {
  const { version, batchSize, linger, bufferMemory, otherProperties, kafkaHeadersCharset, keyPattern, ...rest } =
    configuration;
  const others = Object.keys((otherProperties ?? {}) as object);
  if (others.length > 0) throw new NodeFailure(`otherProperties are not offered: ${others.join(', ')}`);
  if (kafkaHeadersCharset !== undefined && kafkaHeadersCharset !== 'UTF-8') {
    throw new NodeFailure('kafkaHeadersCharset is none but UTF-8');
  }
  return { ...rest, keyPattern: keyPattern ?? '' };
}

function toThingsBoard({ ssl, sasl, timeoutMs, maxInFlight, ...config }: RawConfig): RawConfig {
  if (ssl === true || sasl !== undefined) {
    throw new NodeFailure('ssl and sasl have no form in ThingsBoard but Java properties');
  }
  const client = { batchSize: 16_384, linger: 0, bufferMemory: 33_554_432, otherProperties: {} };
  return { ...config, ...client, kafkaHeadersCharset: 'UTF-8' };
}
