import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import { describe, expect, it } from 'vitest';
import { disconnectClient, guardClient } from '../../../src/transport/mqtt/aedes-private.ts';
import { nextMessageId, pendingBytes, writePacket } from '../../../src/transport/mqtt/downlink.ts';
import { createPacketGate } from '../../../src/transport/mqtt/packet-gate.ts';
import { type GuardedAedesOptions, startGuardedAedes } from '../../helpers/guarded-aedes.ts';
import { bytesOf, connectPacket, packetOf, RawMqtt } from '../../helpers/mqtt-raw.ts';

const ping = bytesOf('C0 r0');
const pong = 'd0:';
const publishQos1 = (id: number, payload = 'x') => packetOf(0x32, `s1 't' m${id} '${payload}'`);

async function connected(port: number, version: 3 | 4 | 5 = 4): Promise<RawMqtt> {
  const raw = await RawMqtt.connect(port);
  raw.send(connectPacket(version, 'client'));
  expect((await raw.next())?.body[1]).toBe(0);
  return raw;
}

async function setup(options: GuardedAedesOptions = {}, version: 3 | 4 | 5 = 4) {
  const guarded = await startGuardedAedes(options);
  const raw = await connected(guarded.port, version);
  const client = guarded.newest();
  await expect.poll(() => client.connected).toBe(true); // a turn after its CONNACK
  return {
    guarded,
    raw,
    client,
    async [Symbol.asyncDispose]() {
      await raw[Symbol.asyncDispose]();
      await guarded[Symbol.asyncDispose]();
    },
  };
}

const idle = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });

describe('what the guard relies on in aedes', () => {
  it('a new client reads by its _nextBatch listener and hands packets over by one parser listener', async () => {
    const broker = await Aedes.createBroker();
    const client = broker.handle(idle());
    const inner = client as unknown as Record<string, unknown>;
    expect(client.conn.listeners('readable')).toEqual([inner._nextBatch]);
    expect((inner._parser as NodeJS.EventEmitter).listenerCount('packet')).toBe(1);
    expect(inner._parsingBatch).toBe(1);
    expect(inner._keepaliveTimer).toBeNull();
    expect(inner._eos).toBeTypeOf('function');
    expect(inner._keepaliveInterval).toBe(-1);
    expect(inner.subscriptions).toEqual({});
    expect(inner.duplicates).toEqual({});
    expect(inner.disconnectReasonCode).toBeNull();
    client.close();
    await new Promise<void>((resolve) => broker.close(resolve));
  });

  it('the parser listener calls back through the _nextBatch of that moment', async () => {
    const broker = await Aedes.createBroker({ preConnect: (_client, _packet, done) => done(new Error('no'), false) });
    const client = broker.handle(idle());
    const inner = client as unknown as { _parser: NodeJS.EventEmitter; _parsingBatch: number; _nextBatch: unknown };
    inner._parsingBatch = 0;
    const called = new Promise<unknown>((resolve) => {
      inner._nextBatch = resolve;
    });
    inner._parser.emit('packet', { cmd: 'connect', clientId: 'x', protocolVersion: 4, clean: true, length: 1 });
    inner._nextBatch = undefined;
    await expect(called).resolves.toEqual(new Error('no'));
    client.close();
    await new Promise<void>((resolve) => broker.close(resolve));
  });

  it('refuses to guard a client whose read loop is elsewhere', async () => {
    const broker = await Aedes.createBroker();
    const client = broker.handle(idle());
    client.conn.removeAllListeners('readable');
    expect(() => guardClient(client, createPacketGate(), { maxPacketBytes: 100 })).toThrow('aedes has changed');
    client.close();
    await new Promise<void>((resolve) => broker.close(resolve));
  });

  it('the broker keeps its clients in the table that hardenBroker replaces', async () => {
    await using it = await setup();
    const { clients } = it.guarded.broker as unknown as { clients: Record<string, Client> };
    expect(Object.getPrototypeOf(clients)).toBeNull();
    expect(clients[it.client.id]).toBe(it.client);
  });
});

describe('reading', () => {
  it('a hook that never answers admits one chunk; the rest stays in the socket', async () => {
    let entered = 0;
    await using it = await setup({ aedes: { authorizePublish: () => void entered++ } });
    it.raw.send(publishQos1(1));
    await expect.poll(() => entered).toBe(1);
    const rest = Buffer.concat(Array.from({ length: 2000 }, (_, i) => publishQos1(i + 2, 'y'.repeat(1000))));
    it.raw.send(rest);
    await expect.poll(() => it.client.conn.readableLength).toBeGreaterThan(0);
    expect(entered).toBe(1);
  });

  it('a chunk full of packets enters the handlers up to maxInFlight, and all of it in the end', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    await using it = await setup({
      guard: { maxInFlight: 10 },
      aedes: {
        authorizePublish: (_client, _packet, done) => {
          waiting.push(() => done());
          most = Math.max(most, waiting.length);
          if (waiting.length > 1) return;
          setImmediate(() => {
            for (const answer of waiting.splice(0)) answer();
          });
        },
      },
    });
    it.raw.send(Buffer.concat(Array.from({ length: 500 }, (_, i) => publishQos1(i + 1))));
    await it.raw.until(() => it.raw.received.length === 501, '500 acknowledgements');
    expect(most).toBe(10);
  });

  it('trickled QoS 1 messages are all acknowledged and pings work after them', async () => {
    await using it = await setup({
      aedes: { authorizePublish: (_client, _packet, done) => void setTimeout(done, 2) },
    });
    for (let i = 1; i <= 300; i++) {
      it.raw.send(publishQos1(i));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await it.raw.until(() => it.raw.received.length === 301, '300 acknowledgements', 10_000);
    it.raw.send(ping);
    await it.raw.until(() => it.raw.received.some((each) => each.first === 0xd0), 'a pong');
  });

  it('a client that does not read the answers it asks for is not read from, and cut at drainTimeout', async () => {
    await using it = await startGuardedAedes({ aedes: { drainTimeout: 200 } });
    let written = 0;
    // Takes the CONNACK, then nothing more.
    const conn = new Duplex({
      writableHighWaterMark: 16,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (chunk[0] === 0x70) written += chunk.length;
        else done();
      },
    });
    const client = it.accept(conn, { maxInFlight: 50 });
    conn.push(connectPacket(4, 'deaf'));
    await expect.poll(() => client.connected).toBe(true);
    const closed = new Promise((resolve) => conn.once('close', resolve));
    const releases = Buffer.concat(Array.from({ length: 1000 }, (_, k) => bytesOf(`62 r2 m${k + 1}`)));
    conn.push(releases);
    await expect.poll(() => written).toBeGreaterThan(0);
    conn.push(releases);
    await new Promise((resolve) => setImmediate(resolve));
    expect(conn.writableLength).toBeLessThan(60 * 4);
    expect(conn.readableLength).toBeGreaterThan(0);
    await closed;
  });

  it('packets sent without waiting for the CONNACK are processed after it, in order', async () => {
    const topics: string[] = [];
    await using guarded = await startGuardedAedes({
      aedes: {
        authenticate: (_client, _user, _password, done) => void setTimeout(() => done(null, true), 20),
        authorizePublish: (_client, packet, done) => {
          topics.push(packet.topic);
          done();
        },
      },
    });
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(Buffer.concat([connectPacket(5, 'early'), packetOf(0x32, "s1 'a' m1 00"), packetOf(0x30, "s1 'b' 00")]));
    raw.send(packetOf(0x32, "s1 'c' m2 00"));
    expect((await raw.next())?.first).toBe(0x20);
    await raw.until(() => raw.received.length === 3, 'two acknowledgements');
    expect(topics).toEqual(['a', 'b', 'c']);
  });

  it('packets that come once the login is accepted, but before aedes is through with the CONNECT, are never too many', async () => {
    await using guarded = await startGuardedAedes({});
    await using raw = await RawMqtt.connect(guarded.port);
    guarded.broker.once('client', () => raw.send(Buffer.concat(Array.from({ length: 300 }, () => ping))));
    raw.send(connectPacket(4, 'soon'));
    await raw.until(() => raw.received.length === 301, 'CONNACK and 300 pongs');
  });

  it('100 packets may come before the CONNACK; one more ends an MQTT 5 connection with 0x97', async () => {
    const pending: (() => void)[] = [];
    await using guarded = await startGuardedAedes({
      aedes: { authenticate: (_client, _user, _password, done) => void pending.push(() => done(null, true)) },
    });
    await using patient = await RawMqtt.connect(guarded.port);
    patient.send(Buffer.concat([connectPacket(5, 'a'), ...Array.from({ length: 100 }, () => ping)]));
    await expect.poll(() => pending.length).toBe(1);
    pending[0]?.();
    await patient.until(() => patient.received.length === 101, '100 pongs');

    await using hasty = await RawMqtt.connect(guarded.port);
    hasty.send(Buffer.concat([connectPacket(5, 'b'), ...Array.from({ length: 101 }, () => ping)]));
    expect(await hasty.nextHex()).toMatch(/^e0:97/);
    await hasty.closing();
  });

  it('stops reading when maxPreConnectBytes wait for the CONNACK', async () => {
    await using guarded = await startGuardedAedes({
      guard: { maxPreConnectBytes: 5000 },
      aedes: { authenticate() {} },
    });
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(connectPacket(4, 'a'));
    for (let i = 0; i < 50; i++) raw.send(packetOf(0x30, Buffer.concat([bytesOf("s1 't'"), Buffer.alloc(60_000)])));
    await expect.poll(() => guarded.newest().conn.readableLength).toBeGreaterThan(0);
    expect(guarded.drops).toEqual([]);
    expect((guarded.newest().conn as Socket).bytesRead).toBeLessThan(200_000);
  });

  it('closes when preConnect says no without an error', async () => {
    await using guarded = await startGuardedAedes({
      aedes: { preConnect: (_client, _packet, done) => done(null, false) },
    });
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(connectPacket(4, 'a'));
    await raw.closing();
  });
});

describe('packet size', () => {
  const limit = 200;
  const ofSize = (size: number) => packetOf(0x30, Buffer.concat([bytesOf("s1 't'"), Buffer.alloc(size - 6)]));

  it.each([3, 4, 5] as const)(
    'MQTT level %i: the limit passes, one byte more is refused from its header',
    async (version) => {
      await using it = await setup({ guard: { maxPacketBytes: limit } }, version);
      const body = version === 5 ? Buffer.concat([bytesOf("s1 't' 00"), Buffer.alloc(limit - 7)]) : undefined;
      it.raw.send(body ? packetOf(0x30, body) : ofSize(limit));
      it.raw.send(ping);
      expect(await it.raw.nextHex()).toBe(pong);
      it.raw.send(ofSize(limit + 1).subarray(0, 3));
      expect(await it.raw.nextHex()).toBe(version === 5 ? 'e0:9500' : 'closed');
      await it.raw.closing();
      expect(it.guarded.drops.map((each) => each.reason)).toEqual(['packet too large']);
    },
  );

  it('an oversized CONNECT is refused before its body comes', async () => {
    await using guarded = await startGuardedAedes({ guard: { maxPacketBytes: 5000, maxPreConnectBytes: limit } });
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(bytesOf('10 r201'));
    await raw.closing();
  });

  it('anything but a CONNECT is refused from its first byte', async () => {
    await using guarded = await startGuardedAedes();
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(bytesOf('30'));
    await raw.closing();
    expect(guarded.drops.map((each) => each.reason)).toEqual(['publish before CONNECT']);
  });

  it('a refused MQTT 5 client that goes on sending still gets its code', async () => {
    await using it = await setup({ guard: { maxPacketBytes: limit } }, 5);
    it.raw.send(Buffer.concat([bytesOf('30 r200000'), Buffer.alloc(200_000)]));
    expect(await it.raw.nextHex()).toBe('e0:9500');
    await it.raw.closing();
  });
});

describe('exceptions', () => {
  it('thrown in a hook end the connection of that packet only', async () => {
    await using it = await setup({
      aedes: {
        authorizePublish: () => {
          throw new Error('a bug');
        },
      },
    });
    await using other = await connected(it.guarded.port);
    it.raw.send(publishQos1(1));
    await it.raw.closing();
    expect(it.guarded.drops).toEqual([{ reason: 'exception: a bug', reasonCode: 0x83 }]);
    other.send(ping);
    expect(await other.nextHex()).toBe(pong);
  });
});

describe('writing', () => {
  const message = (messageId: number, payload = 'x') =>
    ({ cmd: 'publish', topic: 't', payload, qos: 1, messageId, dup: false, retain: false }) as const;
  const ours = { gate: { downlinks: 'ours' } } as const;

  it('reaches the socket in the client version, and the acknowledgement comes back with its code', async () => {
    const acks: [number, number][] = [];
    await using it = await setup(
      { ...ours, guard: { onDownlinkAck: (_client, id, code) => acks.push([id, code]) } },
      5,
    );
    const id = nextMessageId(it.client) ?? 0;
    expect(id).toBe(1);
    expect(writePacket(it.client, message(id))).toBe(true);
    expect(await it.raw.nextHex()).toBe('32:00017400010078');
    expect(nextMessageId(it.client)).toBe(2);
    it.raw.send(packetOf(0x40, 'm1 10'));
    await expect.poll(() => acks).toEqual([[1, 0x10]]);
    it.raw.send(packetOf(0x40, 'm1'));
    it.raw.send(ping);
    expect(await it.raw.nextHex()).toBe(pong);
    expect(acks).toHaveLength(1);
  });

  it('writes acknowledgements with reason codes', async () => {
    await using it = await setup({}, 5);
    expect(writePacket(it.client, { cmd: 'puback', messageId: 7, reasonCode: 0x99 })).toBe(true);
    expect(await it.raw.nextHex()).toMatch(/^40:000799/);
  });

  it('refuses above the bytes that may wait, and counts them', async () => {
    await using it = await setup({ ...ours, guard: { maxPendingBytes: 10_000 } });
    it.raw.socket.pause();
    const big = { ...message(1, 'x'.repeat(60_000)), qos: 0 } as const;
    let written = 0;
    while (written < 10_000 && writePacket(it.client, big)) written++;
    expect(written).toBeLessThan(10_000);
    expect(pendingBytes(it.client)).toBeGreaterThan(10_000);
    expect(pendingBytes(it.client)).toBeLessThan(80_000);
  });

  it('keeps to the Receive Maximum and the Maximum Packet Size of the client', async () => {
    await using guarded = await startGuardedAedes(ours);
    await using raw = await RawMqtt.connect(guarded.port);
    raw.send(packetOf(0x10, "s4 'MQTT' 05 02 k60 v8 21 H1 27 L40 s1 'x'"));
    await raw.next();
    const client = guarded.newest();
    await expect.poll(() => client.connected).toBe(true);
    expect(writePacket(client, message(1, 'y'.repeat(40)))).toBe(false);
    expect(writePacket(client, message(1))).toBe(true);
    expect(writePacket(client, message(2))).toBe(false);
    expect(writePacket(client, { ...message(2), qos: 0 })).toBe(true);
  });

  it('is refused for a client that is gone', async () => {
    await using it = await setup(ours);
    const closed = new Promise((resolve) => it.client.conn.once('close', resolve));
    it.raw.socket.destroy();
    await closed;
    await expect.poll(() => writePacket(it.client, message(1))).toBe(false);
  });

  it('packets that never reach aedes count for the keep alive', async () => {
    await using it = await setup(ours);
    const { _keepaliveTimer: timer } = it.client as unknown as { _keepaliveTimer: NodeJS.Timeout };
    let refreshed = 0;
    timer.refresh = () => {
      refreshed++;
      return timer;
    };
    it.raw.send(bytesOf('40 r2 m9'));
    await expect.poll(() => refreshed).toBe(1);
  });
});

describe('ending', () => {
  it('an MQTT 5 client is told the code', async () => {
    await using it = await setup({}, 5);
    disconnectClient(it.client, 0x98);
    expect(await it.raw.nextHex()).toBe('e0:9800');
    await it.raw.closing();
    expect(it.client.disconnectReasonCode).toBe(0x98);
    expect(writePacket(it.client, { cmd: 'pingresp' })).toBe(false);
  });

  it('a 3.1.1 client is cut off', async () => {
    await using it = await setup();
    disconnectClient(it.client, 0x98);
    expect(await it.raw.nextHex()).toBe('closed');
  });

  it('a hook that answers after the end does not disturb the last packet', async () => {
    const answers: (() => void)[] = [];
    await using it = await setup(
      { aedes: { authorizePublish: (_client, _packet, done) => void answers.push(() => done()) } },
      5,
    );
    it.raw.send(packetOf(0x32, "s1 't' m1 00"));
    await expect.poll(() => answers.length).toBe(1);
    const errors: Error[] = [];
    it.guarded.broker.on('clientError', (_client, error) => errors.push(error));
    disconnectClient(it.client, 0x8b);
    expect(it.client.conn.writableEnded).toBe(true);
    expect(it.client.conn.destroyed).toBe(false); // until the peer has read it
    answers[0]?.();
    expect(await it.raw.nextHex()).toBe('e0:8b00');
    await it.raw.closing();
    expect(errors).toEqual([]);
  });

  it('a newer connection with the client id takes over, with 0x8E to the older', async () => {
    await using it = await setup({ aedes: { preConnect: (_client, _packet, done) => done(null, true) } }, 5);
    await using newer = await connected(it.guarded.port, 5);
    expect(await it.raw.nextHex()).toMatch(/^e0:8e/);
    await it.raw.closing();
    newer.send(ping);
    expect(await newer.nextHex()).toBe(pong);
  });

  it('a socket that is destroyed, without an end or an error, takes its client out of the broker', async () => {
    const gone: string[] = [];
    await using it = await setup({ guard: { onClose: (client) => gone.push(client.id) } });
    expect(it.guarded.broker.connectedClients).toBe(1);
    it.client.conn.destroy();
    await expect.poll(() => gone).toEqual([it.client.id]);
    expect(it.client.closed).toBe(true);
    expect(it.guarded.broker.connectedClients).toBe(0);
  });

  it('a refused client is out of the broker', async () => {
    await using it = await setup({}, 5);
    const left = new Promise((resolve) => it.guarded.broker.once('clientDisconnect', resolve));
    it.raw.send(bytesOf('D0 r0'));
    expect(await it.raw.nextHex()).toBe('e0:8200');
    await left;
    expect(it.guarded.broker.connectedClients).toBe(0);
  });
});

describe('QoS 2', () => {
  it('an id whose publish was refused is free again', async () => {
    const seen: (number | undefined)[] = [];
    await using it = await setup(
      {
        aedes: {
          authorizePublish: (_client, packet, done) => {
            seen.push(packet.messageId);
            done(seen.length === 1 ? new Error('no') : null);
          },
        },
      },
      5,
    );
    it.raw.send(packetOf(0x34, "s1 't' m5 00"));
    expect(await it.raw.nextHex()).toMatch(/^50:000587/);
    it.raw.send(packetOf(0x34, "s1 't' m5 00"));
    expect(await it.raw.nextHex()).toMatch(/^50:0005/);
    it.raw.send(bytesOf('62 r2 m5'));
    expect(await it.raw.nextHex()).toBe('70:0005');
    expect(seen).toEqual([5, 5]);
  });

  it('a repeated publish is published once and answered again', async () => {
    let published = 0;
    await using it = await setup({
      aedes: {
        published: (packet, _client, done) => {
          if (packet.topic === 't') published++;
          done();
        },
      },
    });
    it.raw.send(packetOf(0x34, "s1 't' m5"));
    expect(await it.raw.nextHex()).toBe('50:0005');
    it.raw.send(packetOf(0x3c, "s1 't' m5"));
    expect(await it.raw.nextHex()).toBe('50:0005');
    expect(published).toBe(1);
  });
});
