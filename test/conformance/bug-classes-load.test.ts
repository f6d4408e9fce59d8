import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { heldBy, INSPECTED, liveBytes } from '../helpers/fuzz.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { bytesOf, connectPacket, packetOf, RawMqtt } from '../helpers/mqtt-raw.ts';
import { newDevice } from '../helpers/system.ts';
import { openSocket, rssOf } from '../integration/raw-peer.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const MIB = 1024 * 1024;

describe.runIf(process.platform === 'linux')('bug classes of brokers, in numbers', () => {
  let broker: Broker;
  let witness: MqttClient;

  beforeAll(async () => {
    const env = { ...INSPECTED, GRIDMOOR_FREE_REFUSALS: '1000000', MQTT_CONNECT_TIMEOUT_MS: '4000' };
    broker = await startBroker({ env });
    witness = await MqttClient.connect({ port: broker.ports.mqtt, userName: await newDevice(broker, 'witness') });
  });
  afterAll(async () => {
    await witness[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  async function pingMs(): Promise<number> {
    const asked = performance.now();
    await witness.alive();
    return performance.now() - asked;
  }

  it('length before identity: 1,000 sockets that announce the most and trickle cost less than 64 MiB and go', async () => {
    const before = await rssOf(broker.pid);
    // Half announce what no CONNECT may have, half the longest that is read, of which some kilobytes then come.
    const sockets: Socket[] = [];
    for (let batch = 0; batch < 10; batch++) {
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => openSocket(broker.ports.mqtt)))));
    }
    // A reset is as good an end as any: only the close counts.
    const closed = sockets.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve)));
    for (const [i, socket] of sockets.entries()) socket.write(bytesOf(i % 2 ? '10 r268435455' : '10 r65000'));
    let most = 0;
    for (let turn = 0; turn < 10; turn++) {
      for (const socket of sockets) if (!socket.destroyed) socket.write(Buffer.alloc(1_000, 0x61));
      expect(await witness.publish(TELEMETRY, '{"ok":1}')).toBe(0);
      most = Math.max(most, await rssOf(broker.pid));
    }
    expect(most - before).toBeLessThan(64 * MIB);
    await Promise.all(closed);
  });

  it('leak by half-open flow: 10,000 connections that subscribe, leave QoS 2 open and drop leave nothing', async () => {
    const tokens: string[] = [];
    for (let i = 0; i < 8; i++) tokens.push(await newDevice(broker, `half-open-${i}`));
    const flow = Buffer.concat([
      packetOf(0x82, "m1 s24 'v1/devices/me/attributes' 01"),
      packetOf(0x34, `s${TELEMETRY.length} '${TELEMETRY}' m2 '{"a":1}'`),
      packetOf(0x34, `s${TELEMETRY.length} '${TELEMETRY}' m3 '{"a":2}'`),
    ]);
    const cycle = async (token: string, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await using raw = await RawMqtt.connect(broker.ports.mqtt);
        raw.send(Buffer.concat([connectPacket(4, `c${i}`, { username: token }), flow]));
        // Every second one goes before anything is answered.
        if (i % 2) await raw.until(() => raw.received.filter(({ first }) => first === 0x50).length === 2, 'two PUBREC');
      }
    };
    await Promise.all(tokens.map((token) => cycle(token, 100)));
    await witness.alive();
    const before = { live: await liveBytes(broker), files: heldBy(broker.pid).files };
    await Promise.all(tokens.map((token) => cycle(token, 1_150)));
    await expect.poll(() => heldBy(broker.pid).files, { timeout: 10_000 }).toBeLessThanOrEqual(before.files);
    const live = await liveBytes(broker);
    // 5 % are some 250 bytes a connection.
    expect(live - before.live).toBeLessThan(Math.max(before.live * 0.05, MIB));
  });

  it('subscription bomb: 16,000 filters in one SUBSCRIBE, as many as fit, hold up nobody for 100 ms', async () => {
    const userName = await newDevice(broker, 'bomber');
    const filters = (count: number): Buffer =>
      Buffer.concat([bytesOf('m1'), ...Array.from({ length: count }, () => bytesOf("s1 'f' 00"))]);
    const bombs = [packetOf(0x82, filters(16_000)), ...Array.from({ length: 3 }, () => packetOf(0x82, filters(64)))];
    for (const bomb of bombs) {
      // A busy machine is slow at times; a packet that stalls the broker does so each time.
      const times: number[] = [];
      for (let turn = 0; turn < 3; turn++) {
        await using raw = await RawMqtt.connect(broker.ports.mqtt);
        raw.send(connectPacket(4, 'bomber', { username: userName }));
        await raw.next();
        raw.send(bomb);
        times.push(await pingMs());
        raw.send(bytesOf('C0 r0'));
        await raw.until(() => raw.closed || raw.received.some(({ first }) => first === 0xd0), 'its end or its answer');
      }
      expect(Math.min(...times)).toBeLessThan(100);
    }
    await using raw = await RawMqtt.connect(broker.ports.mqtt);
    raw.send(connectPacket(4, 'bomber', { username: userName }));
    await raw.next();
    raw.send(bombs[0] ?? '');
    await raw.closing();
  });

  it('slow read and stalled sessions: 200 that ask much and read nothing do not slow the others', async () => {
    const userName = await newDevice(broker, 'stalled');
    const sockets = await Promise.all(Array.from({ length: 200 }, () => openSocket(broker.ports.mqtt)));
    const pings = Buffer.concat(Array.from({ length: 5_000 }, () => bytesOf('C0 r0')));
    try {
      for (const [i, socket] of sockets.entries()) {
        socket.pause();
        // Provision sessions are many at once; a device has one.
        socket.write(connectPacket(4, `s${i}`, { username: i === 0 ? userName : 'provision' }));
        socket.write(pings);
      }
      const times: number[] = [];
      for (let turn = 0; turn < 20; turn++) times.push(await pingMs());
      expect(Math.min(...times)).toBeLessThan(100);
      expect(await witness.publish(TELEMETRY, '{"ok":2}')).toBe(0);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    expect(await witness.publish(TELEMETRY, '{"ok":3}')).toBe(0);
  });
});
