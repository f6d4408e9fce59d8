import { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { IPublishPacket } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { guardOf } from '../../../src/transport/mqtt/aedes-private.ts';
import { writePacket } from '../../../src/transport/mqtt/downlink.ts';
import { startGuardedAedes } from '../../helpers/guarded-aedes.ts';
import { connectPacket, packetOf, RawMqtt } from '../../helpers/mqtt-raw.ts';

const publish = (id: number, first = 0x32) => packetOf(first, `s1 't' ${first === 0x30 ? '' : `m${id}`} 00`);

/** A broker whose QoS 0 and 1 publishes are taken by `onPublish`, and a client of it. */
async function setup({ version = 4, onEach }: { version?: 4 | 5; onEach?: (client: Client) => void } = {}) {
  const taken: IPublishPacket[] = [];
  const authorized: number[] = [];
  const guarded = await startGuardedAedes({
    gate: { downlinks: 'ours' },
    guard: {
      onPublish: (client, packet) => {
        taken.push(packet);
        onEach?.(client);
      },
    },
    aedes: {
      authorizePublish: (_client, packet, done) => {
        authorized.push(packet.qos);
        done();
      },
    },
  });
  const raw = await RawMqtt.connect(guarded.port);
  raw.send(connectPacket(version, 'client'));
  expect((await raw.next())?.body[1]).toBe(0);
  const client = guarded.newest();
  await expect.poll(() => client.connected).toBe(true);
  const writes: Buffer[] = [];
  const { write } = client.conn;
  client.conn.write = ((bytes: Buffer) => {
    writes.push(bytes);
    return write.call(client.conn, bytes);
  }) as typeof write;
  const end = (...packets: readonly IPublishPacket[]): void => {
    for (const packet of packets) guardOf(client)?.publishEnded(packet);
  };
  return {
    raw,
    client,
    taken,
    authorized,
    writes,
    end,
    async [Symbol.asyncDispose]() {
      await raw[Symbol.asyncDispose]();
      await guarded[Symbol.asyncDispose]();
    },
  };
}

describe('publishes that the front takes', () => {
  it.each([4, 5] as const)(
    'are acknowledged in one write when they end in one turn, in their order (%s)',
    async (version) => {
      await using it = await setup({ version });
      it.raw.send(Buffer.concat([publish(1), publish(0x1234), publish(0, 0x30), publish(3)]));
      await expect.poll(() => it.taken.length).toBe(4);
      expect(it.writes).toHaveLength(0);
      it.end(...it.taken);
      expect(await it.raw.nextHex()).toBe('40:0001');
      expect(await it.raw.nextHex()).toBe('40:1234');
      expect(await it.raw.nextHex()).toBe('40:0003');
      expect(it.writes.map((bytes) => bytes.length)).toEqual([12]);
      expect(it.authorized).toEqual([]);
    },
  );

  it('are those of QoS 0 and 1: a handshake of QoS 2 is still that of aedes', async () => {
    await using it = await setup();
    it.raw.send(publish(7, 0x34));
    expect(await it.raw.nextHex()).toBe('50:0007');
    expect(it.taken).toHaveLength(0);
    expect(it.authorized).toEqual([2]);
  });

  it('are acknowledged before what else is written in their turn', async () => {
    await using it = await setup();
    it.raw.send(Buffer.concat([publish(1), publish(2)]));
    await expect.poll(() => it.taken.length).toBe(2);
    it.end(...it.taken);
    writePacket(it.client, { cmd: 'publish', topic: 'a', payload: 'b', qos: 0, dup: false, retain: false });
    expect((await it.raw.next())?.first).toBe(0x40);
    expect((await it.raw.next())?.first).toBe(0x40);
    expect((await it.raw.next())?.first).toBe(0x30);
  });

  it('are not acknowledged when their connection ends first', async () => {
    await using it = await setup();
    it.raw.send(publish(1));
    await expect.poll(() => it.taken.length).toBe(1);
    it.client.close();
    it.end(...it.taken);
    await it.raw.closing();
    expect(it.raw.received).toHaveLength(1);
    expect(it.writes).toHaveLength(0);
  });

  it('hold back what the client sends next until the last of them has ended', async () => {
    await using it = await setup();
    it.raw.send(Buffer.concat([publish(1), publish(2)]));
    await expect.poll(() => it.taken.length).toBe(2);
    it.raw.send(publish(3));
    await expect.poll(() => it.client.conn.readableLength).toBeGreaterThan(0);
    it.end(...it.taken.slice(0, 1));
    await it.raw.until(() => it.raw.received.length === 2, 'the first acknowledgement');
    expect(it.taken).toHaveLength(2);
    it.end(...it.taken.slice(1));
    await expect.poll(() => it.taken.length).toBe(3);
  });
});

it('a client that does not read its acknowledgements is not read from, and cut at drainTimeout', async () => {
  await using guarded = await startGuardedAedes({ aedes: { drainTimeout: 200 } });
  let deaf = false;
  const conn = new Duplex({
    writableHighWaterMark: 16,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (chunk[0] === 0x40) deaf = true;
      if (!deaf) done();
    },
  });
  let taken = 0;
  const client = guarded.accept(conn, {
    onPublish: (from, packet) => {
      taken++;
      guardOf(from)?.publishEnded(packet);
    },
  });
  conn.push(connectPacket(4, 'deaf'));
  await expect.poll(() => client.connected).toBe(true);
  const closed = new Promise((resolve) => conn.once('close', resolve));
  conn.push(Buffer.concat(Array.from({ length: 10 }, (_, k) => publish(k + 1))));
  await expect.poll(() => deaf).toBe(true);
  conn.push(publish(11));
  await closed;
  expect(taken).toBe(10);
});
