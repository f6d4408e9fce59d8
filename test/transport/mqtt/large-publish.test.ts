import type { Socket } from 'node:net';
import mqtt from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { publishHeader, streamPublish } from '../../../src/transport/mqtt/large-publish.ts';
import { startGuardedAedes } from '../../helpers/guarded-aedes.ts';
import { bytesOf, connectPacket, hexOf, RawMqtt } from '../../helpers/mqtt-raw.ts';

async function setup() {
  const guarded = await startGuardedAedes();
  const raw = await RawMqtt.connect(guarded.port);
  raw.send(connectPacket(5, 'client'));
  await raw.next();
  const client = guarded.newest();
  await expect.poll(() => client.connected).toBe(true);
  return {
    raw,
    client,
    async [Symbol.asyncDispose]() {
      await raw[Symbol.asyncDispose]();
      await guarded[Symbol.asyncDispose]();
    },
  };
}

describe('large publish', () => {
  it.each([0, 1, 127, 128, 16_383, 16_384, 2_097_152])('the header fits a payload of %i bytes', (bytes) => {
    for (const [version, qos] of [
      [4, 0],
      [4, 1],
      [5, 1],
    ] as const) {
      const payload = Buffer.alloc(bytes, 7);
      const publish = { topic: 'v2/fw/response/1/chunk/0', qos, messageId: qos === 0 ? undefined : 9 };
      const whole = mqtt.generate(
        { cmd: 'publish', ...publish, messageId: 9, payload, dup: false, retain: false },
        { protocolVersion: version },
      );
      const header = publishHeader({ ...publish, bytes }, version);
      expect(Buffer.concat([header, payload]).equals(whole)).toBe(true);
    }
  });

  it('what is written meanwhile waits for the end of the message', async () => {
    await using one = await setup();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* blocks(): AsyncGenerator<Buffer> {
      yield Buffer.from('first');
      await gate;
      yield Buffer.from('second');
    }
    const sent = streamPublish(one.client, { topic: 't', qos: 0 }, 11, blocks(), 1_000);
    const { conn } = one.client;
    const before = (conn as Socket).bytesRead;
    one.raw.send(bytesOf('C0 r0'));
    await expect.poll(() => (conn as Socket).bytesRead).toBe(before + 2);
    setImmediate(() => setImmediate(release));
    expect(await sent).toBe(true);
    const message = await one.raw.next();
    expect(message?.first).toBe(0x30);
    expect(message?.body.toString()).toContain('firstsecond');
    const pong = await one.raw.next();
    expect(pong && hexOf(pong)).toBe('d0:');
  });

  it('a source that fails ends the connection: half a message cannot be taken back', async () => {
    await using one = await setup();
    async function* blocks(): AsyncGenerator<Buffer> {
      yield Buffer.from('first');
      throw new Error('gone');
    }
    await expect(streamPublish(one.client, { topic: 't', qos: 0 }, 11, blocks(), 1_000)).rejects.toThrow('gone');
    await one.raw.closing();
  });

  it('a client that takes nothing is closed after the time it has', async () => {
    await using one = await setup();
    one.raw.socket.pause();
    async function* blocks(): AsyncGenerator<Buffer> {
      for (let n = 0; n < 1_000; n++) yield Buffer.alloc(65_536);
    }
    await streamPublish(one.client, { topic: 't', qos: 0 }, 65_536_000, blocks(), 100);
    expect(one.client.conn.destroyed).toBe(true);
  });
});
