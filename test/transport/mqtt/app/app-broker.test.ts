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

  async function setUp() {
    const { appSessions: store, outbox } = storage;
    if (store === undefined) throw new Error('no app sessions');
    const publisher = createAppPublisher({ outbox, log, now, maxWaiting: 100 });
    let sessions: SlowSessions | undefined;
    const broker = createAppBroker(
      {
        ...{ maxPacketBytes: 65_536, connectTimeoutMs: 5_000, loginTimeoutMs: 5_000, drainTimeoutMs: 3_000 },
        ...{ maxKeepaliveS: 60, defaultKeepaliveS: 60, maxConnections: 10, maxSessions: 10, maxSessionMs: 60_000 },
        ...{ queue: { maxMessages: 100, maxBytes: 65_536 }, maxRetained: 10 },
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
    const client = await MqttClient.raw({ port: (server.address() as AddressInfo).port });
    client.send({
      cmd: 'connect',
      ...{ protocolId: 'MQTT', protocolVersion: 4, clientId: 'reader', clean: false, keepalive: 30 },
      ...{ username: 'apikey', password: Buffer.from('x') },
    });
    expect(await client.connack()).toBe(0);
    return {
      ...{ sessions, publisher, client },
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
});
