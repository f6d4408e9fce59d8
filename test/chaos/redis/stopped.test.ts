import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { type Brokers, startBrokers } from '../../helpers/brokers.ts';
import { cupsStem } from '../../helpers/journal-plan.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { PumpingDevice } from '../../helpers/pumping-device.ts';
import { api, attributes, deviceId, newDevice } from '../../helpers/system.ts';
import { eventually } from '../eventually.ts';

/** CHAOS_STOP_MS=30000 for the long form. */
const STOP_MS = Number(process.env.CHAOS_STOP_MS ?? 10_000);
const IDLE = 20;
const BUSY = 10;
const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
/** One message in so many asks for the supplier and the supply point, which the chain reads and writes step by step. */
const ATTACH_EVERY = 3;
/** A message that cannot be stored is refused after so long, and its connection ends. */
const WAIT_MS = 8_000;

describe(`chaos: Redis stopped for ${STOP_MS} ms under two brokers`, () => {
  let brokers: Brokers;
  let idle: MqttClient[];
  let busy: PumpingDevice[];
  const idleName = (at: number): string => `idle-${at}`;
  const busyName = (at: number): string => `busy-${at}`;
  const at = (index: number): Broker => brokers.all[index % brokers.all.length] as Broker;
  const events = (name: string) => brokers.all.flatMap((one) => one.logs().filter(({ event }) => event === name));

  beforeEach(async () => {
    brokers = await startBrokers(2);
    idle = [];
    busy = [];
    for (let n = 0; n < IDLE; n++) {
      const token = await newDevice(at(n), idleName(n));
      const client = await MqttClient.connect({
        port: at(n).ports.mqtt,
        userName: token,
        version: n % 3 === 0 ? 5 : 4,
      });
      expect(await client.publish(TELEMETRY, '{"t":1}')).toBe(0);
      idle.push(client);
    }
    const { secretKey } = await api<{ secretKey: string }>(at(0), '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Voltia' },
    });
    const ports = brokers.all.map((one) => one.ports.mqtt);
    for (let n = 0; n < BUSY; n++) {
      const token = await newDevice(at(n), busyName(n));
      const attach = JSON.stringify({
        Power_supplier_secret_key: secretKey,
        CUPS: cupsStem(`0021${String(n).padStart(12, '0')}`),
      });
      const message = (seq: number) =>
        seq % ATTACH_EVERY === 0
          ? { topic: ATTRIBUTES, payload: attach }
          : { topic: TELEMETRY, payload: JSON.stringify({ ts: 1_000 + seq, values: { seq } }) };
      busy.push(new PumpingDevice({ ports, token, message, window: 4, paceMs: 20 }));
    }
    await moreAcks(200);
  }, 60_000);
  afterEach(async () => {
    await Promise.all(idle.map((client) => client[Symbol.asyncDispose]()));
    await brokers[Symbol.asyncDispose]();
  }, 60_000);

  const acks = (): number => busy.reduce((sum, { acked }) => sum + acked.length, 0);
  const moreAcks = async (count: number): Promise<void> => {
    const before = acks();
    await eventually(`${count} acknowledgements more`, () => acks() >= before + count, 30_000);
  };

  it(
    'keeps every session that waits for nothing, ends one whose message waits too long, and no message is a dead letter',
    async () => {
      brokers.redis.pause();
      const stopped = performance.now();
      const rest = (): number => stopped + STOP_MS - performance.now();
      while (rest() > 2_000) {
        await Promise.all(idle.map((client) => client.alive()));
        await pause(Math.min(2_000, rest()));
      }
      await pause(Math.max(0, rest()));
      brokers.redis.resume();
      await moreAcks(200);
      await Promise.all(idle.map((client) => client.alive()));
      for (const client of idle) expect(await client.publish(TELEMETRY, '{"t":2}')).toBe(0);
      await Promise.all(busy.map((one) => one.stop()));
      const losses = busy.flatMap((one) => one.losses);
      const waits = losses.map(({ waitedMs }) => Math.round(waitedMs)).sort((a, b) => a - b);
      console.log(
        `${IDLE} idle sessions kept; ${losses.length} ended of ${BUSY} busy ones, after ${waits[0]} to ${waits.at(-1)} ms`,
      );
      expect(waits[0] ?? WAIT_MS).toBeGreaterThan(WAIT_MS - 500);
      // Nobody was taken for dead, and no device was told to have gone.
      expect([events('cluster.orphans'), events('cluster.gone'), events('session.stale')]).toEqual([[], [], []]);
      for (let n = 0; n < IDLE; n++) {
        const { lastDisconnectTime } = await attributes(at(n), idleName(n), 'SERVER_SCOPE');
        expect(lastDisconnectTime ?? 0, idleName(n)).toBe(0);
      }
      expect((await api<{ data: unknown[] }>(at(0), '/api/gridmoor/dead-letters')).data).toEqual([]);
      for (let n = 0; n < BUSY; n++) {
        const stored = await storedSeqs(at(n), busyName(n));
        expect(
          busy[n]?.acked.filter((seq) => seq % ATTACH_EVERY !== 0 && !stored.has(seq)),
          busyName(n),
        ).toEqual([]);
      }
    },
    STOP_MS + 120_000,
  );
});

async function storedSeqs(broker: Broker, name: string): Promise<ReadonlySet<number>> {
  const id = await deviceId(broker, name);
  const query = 'keys=seq&startTs=0&endTs=1000000000&limit=10000';
  const { seq = [] } = await api<{ seq?: { value: string }[] }>(
    broker,
    `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?${query}`,
  );
  return new Set(seq.map(({ value }) => Number(value)));
}
