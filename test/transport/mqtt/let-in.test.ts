import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import mqtt from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { disconnectClient } from '../../../src/transport/mqtt/aedes-private.ts';
import { startGuardedAedes } from '../../helpers/guarded-aedes.ts';
import { bytesOf, connectPacket, packetOf, RawMqtt } from '../../helpers/mqtt-raw.ts';

const LIMITS = { maximumPacketSize: 65_540, receiveMaximum: 100, keepaliveLimit: 30 };

/** The next packet, by mqtt-packet. */
async function connackOf(raw: RawMqtt): Promise<unknown> {
  const packet = await raw.next();
  if (!packet) throw new Error('the connection has ended');
  const parser = mqtt.parser({ protocolVersion: packet.body.length > 2 ? 5 : 4 });
  const parsed = new Promise((resolve) => parser.once('packet', resolve));
  parser.parse(Buffer.concat([Buffer.from([packet.first, packet.body.length]), packet.body]));
  return parsed;
}

/** The CONNACK that aedes itself writes, without us. */
async function connackOfAedes(connect: Buffer): Promise<unknown> {
  const broker = await Aedes.createBroker(LIMITS as ConstructorParameters<typeof Aedes>[0]);
  const server = createServer((socket: Socket) => void broker.handle(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using raw = await RawMqtt.connect((server.address() as AddressInfo).port);
  raw.send(connect);
  const connack = await connackOf(raw);
  server.close();
  await new Promise<void>((resolve) => broker.close(resolve));
  return connack;
}

const tableOf = (broker: Aedes) => (broker as unknown as { clients: Record<string, Client> }).clients;

/** Ends a connection at the very moment at which its login is accepted. */
const endAt = (end: (client: Client) => void) => ({
  authenticate: (client: Client, _user: unknown, _password: unknown, done: (err: null, ok: boolean) => void) => {
    done(null, true);
    end(client);
  },
});

describe('a client is let in when aedes has registered it', () => {
  it('nothing is searched for that may wait for it', async () => {
    await using guarded = await startGuardedAedes();
    const { persistence } = guarded.broker as unknown as { persistence: { outgoingStream(): unknown } };
    let searched = 0;
    const { outgoingStream } = persistence;
    persistence.outgoingStream = (...all) => {
      searched++;
      return outgoingStream.apply(persistence, all);
    };
    await using raw = await RawMqtt.connect(guarded.port);
    const ready = once(guarded.broker, 'clientReady');
    raw.send(Buffer.concat([connectPacket(4, 'a'), bytesOf('C0 r0')]));
    expect(await raw.nextHex()).toBe('20:0000');
    expect(await raw.nextHex()).toBe('d0:');
    expect((await ready)[0]).toBe(guarded.newest());
    expect(guarded.newest().connected).toBe(true);
    expect(searched).toBe(0);
    expect(raw.received).toHaveLength(2);
  });

  it.each([
    ['MQTT 3.1.1', packetOf(0x10, "s4 'MQTT' 04 02 k20 s1 'x'")],
    ['MQTT 5', packetOf(0x10, "s4 'MQTT' 05 02 k20 v0 s1 'x'")],
    ['MQTT 5 with a keep alive above the limit', packetOf(0x10, "s4 'MQTT' 05 02 k60 v0 s1 'x'")],
  ])('its CONNACK is the one that aedes would write: %s', async (_title, connect) => {
    await using guarded = await startGuardedAedes({ aedes: LIMITS as never });
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(connect);
    expect(await connackOf(raw)).toEqual(await connackOfAedes(connect));
  });

  it('a client that has gone since its login was accepted is not registered', async () => {
    await using guarded = await startGuardedAedes({ aedes: endAt((client) => client.close()) });
    const conn = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const client = guarded.accept(conn);
    const closed = once(conn, 'close');
    conn.push(connectPacket(4, 'gone'));
    await closed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.connected).toBe(false);
    expect(guarded.broker.connectedClients).toBe(0);
    expect(Object.keys(tableOf(guarded.broker))).toEqual([]);
  });

  it('one that breaks the protocol between its CONNACK and the end of its CONNECT hears why', async () => {
    await using guarded = await startGuardedAedes();
    // Slow enough that an early end would lose the last packet.
    const write = (chunk: Buffer, _encoding: string, done: () => void) =>
      void setTimeout(() => {
        written.push(chunk);
        done();
      }, 20);
    const conn = new Duplex({ read() {}, write });
    const written: Buffer[] = [];
    guarded.broker.once('client', () => conn.push(connectPacket(5, 'second CONNECT')));
    const client = guarded.accept(conn);
    conn.push(connectPacket(5, 'a'));
    const closed = once(conn, 'close');
    await expect.poll(() => written.map((chunk) => chunk[0])).toEqual([0x20, 0xe0]);
    conn.push(null);
    await closed;
    expect(client.connected).toBe(false);
    expect(guarded.broker.connectedClients).toBe(0);
  });

  it('one that is told to leave as its login is accepted hears the code behind its CONNACK', async () => {
    await using guarded = await startGuardedAedes({ aedes: endAt((client) => disconnectClient(client, 0x98)) });
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(connectPacket(5, 'a'));
    expect(await raw.nextHex()).toMatch(/^20:0000/);
    expect(await raw.nextHex()).toBe('e0:9800');
    await raw.closing();
    await expect.poll(() => guarded.broker.connectedClients).toBe(0);
  });
});
