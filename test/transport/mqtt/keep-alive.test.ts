import type { Client } from 'aedes';
import { describe, expect, it } from 'vitest';
import { startGuardedAedes } from '../../helpers/guarded-aedes.ts';
import { bytesOf, packetOf, RawMqtt } from '../../helpers/mqtt-raw.ts';

/** Of MQTT 3.1.1, with a keep alive of one second: it ends after 1.5 s. */
const CONNECT = packetOf(0x10, "s4 'MQTT' 04 02 0001 s1 'c'");
const PING = bytesOf('C0 r0');
const PONG = 'd0:';
const STALL_MS = 1_700;

async function setup() {
  const guarded = await startGuardedAedes();
  const raw = await RawMqtt.connect(guarded.port);
  const silent: Client[] = [];
  guarded.broker.on('keepaliveTimeout', (client) => silent.push(client));
  raw.send(CONNECT);
  expect((await raw.next())?.body[1]).toBe(0);
  await expect.poll(() => guarded.newest().connected).toBe(true);
  return {
    raw,
    silent,
    async [Symbol.asyncDispose]() {
      await raw[Symbol.asyncDispose]();
      await guarded[Symbol.asyncDispose]();
    },
  };
}

/** The whole process, timers and sockets. */
function standStill(): void {
  const end = performance.now() + STALL_MS;
  while (performance.now() < end);
}

describe('keep alive', () => {
  it('a client that sent something while this process stood still is not silent', async () => {
    await using it = await setup();
    it.raw.send(PING);
    // From here on in the turn of a packet, as where a chain would hold the process up.
    expect(await it.raw.nextHex()).toBe(PONG);
    it.raw.send(PING);
    standStill();
    expect(await it.raw.nextHex()).toBe(PONG);
    expect(it.silent).toEqual([]);
  });

  it('one that sent nothing is, before and after', async () => {
    await using it = await setup();
    it.raw.send(PING);
    expect(await it.raw.nextHex()).toBe(PONG);
    standStill();
    expect(await it.raw.nextHex()).toBe('closed');
    expect(it.silent).toHaveLength(1);
  });

  it('one that goes silent is ended after 1.5 times its keep alive', async () => {
    await using it = await setup();
    it.raw.send(PING);
    expect(await it.raw.nextHex()).toBe(PONG);
    const from = performance.now();
    expect(await it.raw.nextHex()).toBe('closed');
    expect(performance.now() - from).toBeGreaterThan(1_300);
  });
});
