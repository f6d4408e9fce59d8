import { setTimeout as pause } from 'node:timers/promises';
import type { IPubackPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { type Brokers, startBrokers } from '../../helpers/brokers.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, newDevice } from '../../helpers/system.ts';
import { eventually } from '../eventually.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
const GATEWAY_TELEMETRY = 'v1/gateway/telemetry';
const DEVICES = 20;
/** Messages that are under way when the broker stops, and that it finds when it goes on. */
const BEFORE = 100;
const AFTER = 100;
/** Of one device, those of the new session among it. */
const TELEMETRY_SENT = ((BEFORE + AFTER) * 9) / 10 + 2;

const sample = (seq: number): string => `{"ts":${1_000 + seq},"values":{"seq":${seq}}}`;

describe('chaos: a broker stopped while its devices go to another', () => {
  let brokers: Brokers;
  beforeAll(async () => {
    brokers = await startBrokers(2);
  }, 60_000);
  afterAll(() => brokers[Symbol.asyncDispose](), 60_000);

  // The second is longer than the silence after which a broker is taken for dead.
  it.each([2_000, 9_000])(
    'for %d ms: what it finds then is refused, and its sessions end',
    async (stopMs) => {
      const [a, b] = brokers.all as [Broker, Broker];
      const name = (at: number): string => `cut-${stopMs}-${at}`;
      const tokens = await Promise.all(Array.from({ length: DEVICES }, (_, at) => newDevice(b, name(at))));
      const old = await Promise.all(tokens.map((userName) => MqttClient.connect({ port: a.ports.mqtt, userName })));
      for (const client of old) expect(await client.publish(TELEMETRY, sample(0))).toBe(0);
      for (const client of old) burst(client, 1, BEFORE);
      process.kill(a.pid, 'SIGSTOP');
      const stoppedAt = performance.now();
      for (const client of old) burst(client, BEFORE + 1, AFTER);
      const anew = await Promise.all(tokens.map((userName) => MqttClient.connect({ port: b.ports.mqtt, userName })));
      for (const client of anew) {
        expect(await client.publish(TELEMETRY, sample(1_000))).toBe(0);
        expect(await client.publish(ATTRIBUTES, '{"mark":1000}')).toBe(0);
      }
      const before = await Promise.all(tokens.map((_, at) => seqs(b, name(at))));
      await pause(Math.max(0, stoppedAt + stopMs - performance.now()));
      process.kill(a.pid, 'SIGCONT');
      await Promise.all(old.map((client) => client.ended(10_000)));
      await restsOf(a);
      let late = 0;
      for (let at = 0; at < DEVICES; at++) {
        const stored = await seqs(b, name(at));
        // Nothing of the old session came behind the first of the new one.
        expect(
          [...stored].filter((seq) => !before[at]?.has(seq)),
          name(at),
        ).toEqual([]);
        expect(await attributes(b, name(at), 'CLIENT_SCOPE')).toMatchObject({ mark: 1000 });
        const acked = await ackedOf(old[at] as MqttClient);
        expect(acked.filter((seq) => !stored.has(seq))).toEqual([]);
        late += TELEMETRY_SENT - stored.size;
      }
      console.log(`${late} of ${DEVICES * TELEMETRY_SENT} messages of older sessions were refused`);
      expect(late).toBeGreaterThan(0);
      for (const client of anew) {
        expect(await client.publish(TELEMETRY, sample(1_001))).toBe(0);
        await client.alive();
        await client[Symbol.asyncDispose]();
      }
    },
    60_000,
  );

  it.each([4, 5] as const)(
    'what it finds then of a gateway is refused too, with its sub-devices (MQTT %d)',
    async (version) => {
      const [a, b] = brokers.all as [Broker, Broker];
      const body = { name: `gateway-${version}`, type: 'smart-meter', additionalInfo: { gateway: true } };
      await api(b, `/api/device?accessToken=token-of-gateway-${version}`, { method: 'POST', body });
      const subs = Array.from({ length: 5 }, (_, at) => `sub-${version}-${at}`);
      const of = (seq: number): string => `{${subs.map((name) => `"${name}":[${sample(seq)}]`).join()}}`;
      const connect = ({ ports }: Broker) =>
        MqttClient.connect({ port: ports.mqtt, version, userName: `token-of-gateway-${version}` });
      await using old = await connect(a);
      expect(await old.publish(GATEWAY_TELEMETRY, of(0))).toBe(0);
      process.kill(a.pid, 'SIGSTOP');
      for (let seq = 1; seq <= BEFORE + AFTER; seq++) {
        const packet = { topic: GATEWAY_TELEMETRY, payload: of(seq), messageId: seq + 1 };
        old.send({ cmd: 'publish', qos: 1, dup: false, retain: false, ...packet });
      }
      await using anew = await connect(b);
      expect(await anew.publish(GATEWAY_TELEMETRY, of(1_000))).toBe(0);
      const before = await Promise.all(subs.map((name) => seqs(b, name)));
      process.kill(a.pid, 'SIGCONT');
      await old.ended(10_000);
      await restsOf(a);
      for (const [at, name] of subs.entries()) {
        expect(
          [...(await seqs(b, name))].filter((seq) => !before[at]?.has(seq)),
          name,
        ).toEqual([]);
      }
      expect(await anew.publish(GATEWAY_TELEMETRY, of(1_001))).toBe(0);
    },
    60_000,
  );
});

function restsOf(broker: Broker): Promise<unknown> {
  return eventually(
    'the broker that was stopped has nothing in flight',
    async () => {
      const { messages } = await api<{ messages: { inFlight: number } }>(broker, '/api/gridmoor/status');
      return messages.inFlight === 0;
    },
    10_000,
  );
}

/** Telemetry, and an attribute behind every tenth; the packet id is the number. */
function burst(client: MqttClient, from: number, count: number): void {
  for (let seq = from; seq < from + count; seq++) {
    const [topic, payload] = seq % 10 === 0 ? [ATTRIBUTES, `{"mark":${seq}}`] : [TELEMETRY, sample(seq)];
    client.send({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId: seq + 1 });
  }
}

/** Numbers of the telemetry that was acknowledged. */
async function ackedOf(client: MqttClient): Promise<readonly number[]> {
  const seqs: number[] = [];
  for (;;) {
    const ack = (await client.next('puback', 1).catch(() => undefined)) as IPubackPacket | undefined;
    if (ack === undefined) return seqs.filter((seq) => seq % 10 !== 0);
    seqs.push((ack.messageId ?? 0) - 1);
  }
}

async function seqs(broker: Broker, name: string): Promise<ReadonlySet<number>> {
  const id = await deviceId(broker, name);
  const query = 'keys=seq&startTs=0&endTs=1000000&limit=10000';
  const { seq = [] } = await api<{ seq?: { value: string }[] }>(
    broker,
    `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?${query}`,
  );
  return new Set(seq.map(({ value }) => Number(value)));
}
