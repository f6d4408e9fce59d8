import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAppPublisher } from '../../../../src/app-clients/index.ts';
import { createLog } from '../../../../src/observe/index.ts';
import { openEmbeddedStorage } from '../../../../src/storage/embedded/index.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { createAppBroker } from '../../../../src/transport/mqtt/app/index.ts';
import { StoredSessions } from '../../../../src/transport/mqtt/app/stored-sessions.ts';
import { MqttClient } from '../../../helpers/mqtt-client.ts';

const log = createLog({ level: 'silent' });
const now = () => Date.now();
const topics = { subscribe: ['app/#'], publish: ['app/#'] };

/** Sessions whose filters take effect in the store, and then later in the broker, as behind a slow network. */
class SlowSessions extends StoredSessions {
  stored: () => void = () => {};
  goOn: Promise<void> = Promise.resolve();

  override async addSubscriptions(...added: Parameters<StoredSessions['addSubscriptions']>): Promise<void> {
    await super.addSubscriptions(...added);
    this.stored();
    await this.goOn;
  }
}

describe('broker of app clients', () => {
  let dataDir: string;
  let storage: Storage;
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-app-broker-'));
    storage = await openEmbeddedStorage({ dataDir, sync: false });
  });
  afterEach(async () => {
    await storage.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function setUp(publishRate = '') {
    const { appSessions: store, outbox } = storage;
    if (store === undefined) throw new Error('no app sessions');
    const publisher = createAppPublisher({ outbox, log, now, maxWaiting: 100 });
    let sessions: SlowSessions | undefined;
    const broker = createAppBroker(
      {
        ...{ maxPacketBytes: 65_536, connectTimeoutMs: 5_000, loginTimeoutMs: 5_000, drainTimeoutMs: 3_000 },
        ...{ maxKeepaliveS: 60, defaultKeepaliveS: 60, maxConnections: 10, maxSessions: 10, maxSessionMs: 60_000 },
        ...{ publishRate, queue: { maxMessages: 100, maxBytes: 65_536 }, maxRetained: 10 },
      },
      {
        logins: {
          login: async () => ({ kind: 'app', owner: 'key', rights: topics }),
          owners: async () => new Set(['key']),
        },
        publisher,
        newSessions(options) {
          sessions = new SlowSessions({ ...options, store });
          return sessions;
        },
        ...{ bus: undefined, now, log },
      },
    );
    await broker.start();
    if (sessions === undefined) throw new Error('no sessions');
    const server = createServer((socket) => broker.accept(socket, '127.0.0.1')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const connect = async (clientId: string, version: 4 | 5): Promise<MqttClient> => {
      const client = await MqttClient.raw({ port: (server.address() as AddressInfo).port, version });
      client.send({
        cmd: 'connect',
        ...{ protocolId: 'MQTT', protocolVersion: version, clientId, clean: version === 5, keepalive: 30 },
        ...{ username: 'apikey', password: Buffer.from('x') },
      });
      expect(await client.connack()).toBe(0);
      return client;
    };
    const client = await connect('reader', 4);
    return {
      ...{ sessions, publisher, client, connect },
      async [Symbol.asyncDispose]() {
        await client[Symbol.asyncDispose]();
        await broker.shutDown();
        await publisher.close();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  it('what is published while a filter is taken up comes without another publication', async () => {
    await using world = await setUp();
    const { sessions, publisher, client } = world;
    let goOn = (): void => {};
    sessions.goOn = new Promise((resolve) => {
      goOn = resolve;
    });
    const stored = new Promise<void>((resolve) => {
      sessions.stored = resolve;
    });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'app/a', qos: 1 }] });
    await stored;
    const payload = Buffer.from('in between');
    const handed = publisher.hand({ topic: 'app/a', payload, qos: 1, retain: false });
    await handed?.stored;
    await handed?.send();
    goOn();
    await client.next('suback');
    expect(await client.message()).toBe('app/a in between');
  });

  it.each([
    [4, 'the connection ends'],
    [5, 'it is told 0x97, and its connection stays'],
  ] as const)('a client that publishes too fast is refused (MQTT %i): %s', async (version, _what) => {
    await using world = await setUp('3:60');
    const client = await world.connect('writer', version);
    for (let n = 0; n < 3; n++) expect(await client.publish('app/b', `${n}`)).toBe(0);
    if (version === 4) await expect(client.publish('app/b', '3')).rejects.toThrow();
    else {
      expect(await client.publish('app/b', '3')).toBe(0x97);
      client.send({ cmd: 'pingreq' });
      await client.next('pingresp');
    }
    // Another connection of the key does not help.
    const other = await world.connect('other', 5);
    expect(await other.publish('app/b', '4')).toBe(0x97);
    expect(world.publisher.counts.published).toBe(3);
    await Promise.all([client, other].map((one) => one[Symbol.asyncDispose]()));
  });
});
