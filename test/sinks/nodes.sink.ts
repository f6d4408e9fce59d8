import { Consumer, stringDeserializers } from '@platformatic/kafka';
import { connectAsync } from 'mqtt';
import pg from 'pg';
import { Connection } from 'rabbitmq-client';
import { describe, expect, it } from 'vitest';
import { ExactNumber } from '../../src/model/json.ts';
import { Secret } from '../../src/model/secret.ts';
import { failed } from '../../src/rules/failure.ts';
import { testMsg } from '../helpers/chain-kit.ts';
import { makeNode } from '../helpers/chain-node.ts';
import { freePort } from './server.ts';
import { startKafka, startMosquitto, startPostgres, startRabbit } from './servers.ts';

const PASSWORD = 'invented password of the tests';

function node(kind: string, config: object) {
  const made = makeNode(kind, config);
  return {
    async run(change: Parameters<typeof testMsg>[0] = {}) {
      const msg = testMsg(change);
      try {
        return await made.run(msg);
      } catch (error) {
        return failed(msg, error);
      }
    },
    [Symbol.asyncDispose]: async () => void (await made.close()),
  };
}

const meter = { metadata: { deviceName: 'meter-1' }, data: { power: 230, key: new Secret('hush') } };

describe('external/mqtt', () => {
  const credentials = { username: 'grid', password: PASSWORD };

  it('publishes with QoS 1, without secrets, and goes on when the broker has acknowledged', async () => {
    await using broker = await startMosquitto('grid', PASSWORD);
    const { port } = broker;
    const subscriber = await connectAsync({ host: '127.0.0.1', port, ...credentials });
    await subscriber.subscribeAsync('#', { qos: 1 });
    const heard: string[] = [];
    subscriber.on('message', (topic, payload, { qos, retain }) => heard.push(`${topic} ${payload} ${qos} ${retain}`));
    for (const protocolVersion of ['MQTT_3_1', 'MQTT_3_1_1', 'MQTT_5']) {
      await using mqtt = node('external/mqtt', {
        topicPattern: 'meters/${deviceName}/$[power]',
        host: '127.0.0.1',
        port,
        credentials,
        protocolVersion,
        ...(protocolVersion === 'MQTT_3_1' ? { clientId: 'gridmoor' } : {}),
      });
      expect(await mqtt.run(meter)).toMatchObject({ relation: 'Success' });
    }
    await expect.poll(() => heard).toEqual(Array(3).fill('meters/meter-1/230 {"power":230} 1 false'));
    await subscriber.endAsync();
  });

  it('fails with the reason when the broker is away or refuses, and comes back when it does', async () => {
    const away = node('external/mqtt', { topicPattern: 'a', host: '127.0.0.1', port: await freePort() });
    expect((await away.run()).msg.metadata.error).toMatch(/^not connected: /);
    await away[Symbol.asyncDispose]();
    await using broker = await startMosquitto('grid', PASSWORD);
    await using wrong = node('external/mqtt', { topicPattern: 'a', host: '127.0.0.1', port: broker.port });
    const refused = await wrong.run();
    expect(refused.relation).toBe('Failure');
    expect(refused.msg.metadata.error).toMatch(/not connected: .*ot authori/);
    await using good = node('external/mqtt', { topicPattern: 'a', host: '127.0.0.1', port: broker.port, credentials });
    expect((await good.run()).relation).toBe('Success');
    await broker.kill();
    expect((await good.run()).relation).toBe('Failure');
  });

  it('takes no topic with a wildcard that a message brings', async () => {
    await using mqtt = node('external/mqtt', { topicPattern: '${to}', host: '127.0.0.1', port: 1 });
    for (const to of ['a/#', '+', '']) {
      const { msg } = await mqtt.run({ metadata: { to } });
      expect(msg.metadata.error).toBe('the topic has a wildcard or no character');
    }
  });
});

describe('external/postgres', () => {
  it('writes rows with bound values, once each, and names what the database refuses', async () => {
    await using server = await startPostgres(PASSWORD);
    const base = { host: '127.0.0.1', port: server.port, database: 'grid', user: 'gridmoor', password: PASSWORD };
    const client = new pg.Client({ ...base, user: 'postgres' });
    await client.connect();
    await client.query(
      'create table readings (time timestamptz, device text, power float8, big int8, raw jsonb, primary key (time, device))',
    );
    await client.query('grant all on readings to gridmoor');
    const config = {
      ...base,
      table: 'public.readings',
      timeColumn: 'time',
      columns: { device: '${deviceName}', power: '$[power]', big: '$[big]', raw: '$[raw]' },
    };
    const msg = {
      ts: 1_750_000_000_123,
      metadata: { deviceName: `meter'); drop table readings; --` },
      data: { power: 1.5, big: new ExactNumber('9007199254740993'), raw: { a: [1, null] } },
    };
    {
      await using once = node('external/postgres', {
        ...config,
        onConflict: 'ignore',
        conflictColumns: ['time', 'device'],
      });
      expect((await once.run(msg)).relation).toBe('Success');
      expect((await once.run(msg)).relation).toBe('Success');
      const { rows } = await client.query('select *, big::text from readings');
      expect(rows).toEqual([
        {
          time: new Date(1_750_000_000_123),
          device: msg.metadata.deviceName,
          power: 1.5,
          big: '9007199254740993',
          raw: { a: [1, null] },
        },
      ]);
      const secret = await once.run({ ...msg, data: { ...msg.data, power: new Secret('hush') } });
      expect(secret.msg.metadata.error).toBe('$[power] is a secret');
    }
    await using update = node('external/postgres', {
      ...config,
      onConflict: 'update',
      conflictColumns: ['time', 'device'],
    });
    expect((await update.run({ ...msg, data: { ...msg.data, power: 2 } })).relation).toBe('Success');
    expect((await client.query('select power from readings')).rows).toEqual([{ power: 2 }]);
    await using strict = node('external/postgres', config);
    expect((await strict.run(msg)).msg.metadata.error).toMatch(/duplicate key/);
    const text = await strict.run({ ...msg, ts: 1, data: { ...msg.data, power: 'many' } });
    expect(text.msg.metadata.error).toMatch(/invalid input syntax/);
    await client.end();
    await server.kill();
    expect((await update.run(msg)).relation).toBe('Failure');
  });

  it('says that nobody answers', async () => {
    const config = { host: '127.0.0.1', port: await freePort(), database: 'grid', user: 'gridmoor' };
    await using away = node('external/postgres', { ...config, table: 't', columns: { a: 'b' } });
    expect((await away.run()).msg.metadata.error).toMatch(/ECONNREFUSED/);
  });
});

describe('external/rabbitmq', () => {
  it('publishes with confirmation; what no queue takes fails', async () => {
    await using server = await startRabbit();
    const connection = new Connection(`amqp://guest:guest@127.0.0.1:${server.port}`);
    connection.on('error', () => {});
    const heard: string[] = [];
    const consumer = connection.createConsumer({ queue: 'meters' }, async ({ body, durable }) => {
      heard.push(`${body} ${durable}`);
    });
    await new Promise((resolve) => consumer.once('ready', resolve));
    await using rabbit = node('external/rabbitmq', {
      host: '127.0.0.1',
      port: server.port,
      routingKeyPattern: 'meters',
    });
    expect(await rabbit.run(meter)).toMatchObject({ relation: 'Success' });
    await expect.poll(() => heard).toEqual(['{"power":230} true']);
    await using nowhere = node('external/rabbitmq', {
      host: '127.0.0.1',
      port: server.port,
      routingKeyPattern: 'no such queue',
    });
    expect((await nowhere.run(meter)).msg.metadata.error).toBe('no queue takes the message');
    await using stranger = node('external/rabbitmq', {
      host: '127.0.0.1',
      port: server.port,
      routingKeyPattern: 'meters',
      username: 'nobody',
      password: PASSWORD,
    });
    const refused = await stranger.run(meter);
    expect(refused.relation).toBe('Failure');
    expect(JSON.stringify(refused)).not.toContain(PASSWORD);
    await consumer.close();
    await connection.close();
    await server.kill();
    expect((await rabbit.run(meter)).relation).toBe('Failure');
  });
});

describe('external/kafka', () => {
  it('sends records in order, with key and headers, and says where each one is', async () => {
    await using server = await startKafka();
    await using kafka = node('external/kafka', {
      topicPattern: 'telemetry',
      keyPattern: '${deviceName}',
      bootstrapServers: `127.0.0.1:${server.port}`,
      addMetadataKeyValuesAsKafkaHeaders: true,
    });
    const first = await kafka.run(meter);
    expect(first).toMatchObject({ relation: 'Success', msg: { metadata: { topic: 'telemetry', partition: '0' } } });
    for (const power of [231, 232]) await kafka.run({ ...meter, data: { power } });
    const consumer = new Consumer({
      groupId: 'test',
      clientId: 'test',
      bootstrapBrokers: [`127.0.0.1:${server.port}`],
      deserializers: stringDeserializers,
      // The first group makes Kafka set its coordinator up.
      retries: 20,
      retryDelay: 500,
    });
    const stream = await consumer.consume({ topics: ['telemetry'], mode: 'earliest' });
    const heard: string[] = [];
    for await (const { key, value, headers } of stream) {
      heard.push(`${key} ${value} ${headers.get('deviceName')}`);
      if (heard.length === 3) break;
    }
    expect(heard).toEqual([230, 231, 232].map((power) => `meter-1 {"power":${power}} meter-1`));
    await consumer.close(true);
    expect((await kafka.run({ ...meter, data: {} })).relation).toBe('Success');
    await using odd = node('external/kafka', { topicPattern: '${t}', bootstrapServers: `127.0.0.1:${server.port}` });
    expect((await odd.run({ metadata: { t: 'a b' } })).msg.metadata.error).toMatch(/^the topic has other characters/);
  });

  it('fails within its time when Kafka is away', async () => {
    const bootstrapServers = `127.0.0.1:${await freePort()}`;
    await using away = node('external/kafka', { topicPattern: 't', bootstrapServers, retries: 0, timeoutMs: 500 });
    const result = await away.run(meter);
    expect(result.relation).toBe('Failure');
    expect(JSON.stringify(result.msg.metadata)).not.toContain('hush');
  });
});
