import { describe, expect, it } from 'vitest';
import { eventually } from '../chaos/eventually.ts';
import type { Broker } from '../helpers/broker.ts';
import { startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, attributes, deviceId, newDevice } from '../helpers/system.ts';
import { withLoad } from '../helpers/with-load.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const USE_ANOTHER_SERVER = 0x9c;
const COUNT = 30;

const connect = (broker: Broker, userName: string) =>
  MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName });
const fleetOf = (broker: Broker) => Promise.all(Array.from({ length: COUNT }, (_, at) => newDevice(broker, `m-${at}`)));
const lines = (broker: Broker, event: string) => broker.logs().filter((line) => line.event === event);

describe('two brokers behind one Redis, one ends', () => {
  it('kill -9: its devices connect to the other at once, and those that do not are marked disconnected, once', async () => {
    await using brokers = await startBrokers(1);
    const [a] = brokers.all as [Broker];
    const b = await brokers.start();
    const tokens = await fleetOf(a);
    const clients = await Promise.all(tokens.map((token) => connect(b, token)));
    await Promise.all(clients.map((client) => client.publish(TELEMETRY, '{"t":1}')));
    const killedAt = Date.now();
    await b.kill('SIGKILL');
    const before = performance.now();
    const back = await Promise.all(tokens.slice(0, COUNT / 2).map((token) => connect(a, token)));
    expect(performance.now() - before).toBeLessThan(withLoad(3_000));
    for (const client of back) expect(await client.publish(TELEMETRY, '{"t":2}')).toBe(0);
    for (let at = COUNT / 2; at < COUNT; at++) {
      const gone = async () => Number((await attributes(a, `m-${at}`, 'SERVER_SCOPE')).lastDisconnectTime) >= killedAt;
      await eventually(`m-${at} is marked disconnected`, gone, 15_000);
    }
    for (let at = 0; at < COUNT / 2; at++) {
      const { lastDisconnectTime } = await attributes(a, `m-${at}`, 'SERVER_SCOPE');
      expect(lastDisconnectTime, `m-${at}`).toBeUndefined();
    }
    await eventually('the dead one is forgotten', () => lines(a, 'cluster.gone').length === 1, 10_000);
    const taken = lines(a, 'cluster.orphans').reduce((sum, { sessions }) => sum + Number(sessions), 0);
    expect(taken).toBe(COUNT / 2);
    await Promise.all(back.map((client) => client[Symbol.asyncDispose]()));
  });

  it('SIGTERM: clients are told to use another server, what was sent is acknowledged or not done, exit 0', async () => {
    await using brokers = await startBrokers(2);
    const [a, b] = brokers.all as [Broker, Broker];
    const tokens = await fleetOf(a);
    const clients = await Promise.all(tokens.map((token) => connect(b, token)));
    for (const [at, client] of clients.entries()) {
      for (let messageId = 1; messageId <= 20; messageId++) {
        const payload = JSON.stringify({ seq: messageId, of: at });
        client.send({ cmd: 'publish', topic: TELEMETRY, payload, qos: 1, dup: false, retain: false, messageId });
      }
    }
    const before = performance.now();
    const exit = b.kill('SIGTERM');
    const acknowledged = await Promise.all(
      clients.map(async (client) => {
        const code = await client.ended(10_000);
        expect(code).toBe(USE_ANOTHER_SERVER);
        let last = 0;
        for (;;) {
          const ack = await client.next('puback').catch(() => undefined);
          if (ack === undefined) return last;
          last = (ack as { messageId: number }).messageId;
        }
      }),
    );
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - before).toBeLessThan(withLoad(10_000));
    for (const [at, last] of acknowledged.entries()) {
      const id = await deviceId(a, `m-${at}`);
      const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=seq`;
      const values = await api<{ seq?: { value: string }[] }>(a, path);
      const stored = Number(values.seq?.[0]?.value ?? 0);
      expect(stored >= last || values.seq?.[0]?.value === null, `m-${at}: ${stored} < ${last}`).toBe(true);
    }
    const again = await Promise.all(tokens.map((token) => connect(a, token)));
    await Promise.all(again.map((client) => client[Symbol.asyncDispose]()));
    const listed = await api<{ data: readonly unknown[] }>(a, '/api/gridmoor/brokers');
    expect(listed.data).toHaveLength(1);
  });
});
