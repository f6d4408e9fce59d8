import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';

/** A folder with one root chain. */
async function chainFolder(nodes: object) {
  const chainsDir = await mkdtemp(join(tmpdir(), 'gridmoor-chains-'));
  const write = (next: object) =>
    writeFile(
      join(chainsDir, 'main.json'),
      JSON.stringify({ name: 'main', root: true, first: Object.keys(next)[0], nodes: next }),
    );
  await write(nodes);
  return { chainsDir, write, [Symbol.asyncDispose]: () => rm(chainsDir, { recursive: true, force: true }) };
}

/** Connections are events too: only telemetry is to be counted. */
const telemetryTo = (node: string) => ({ kind: 'filter/msg-type-switch', to: { 'Post telemetry': node } });
const SAVE = { kind: 'action/save-telemetry', config: { useServerTs: false } };

const post = (broker: Broker, token: string, body: object): Promise<Response> =>
  fetch(`${broker.url}/api/v1/${token}/telemetry`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** The numbers that the device has in its history, in the order of their times. */
async function stored(broker: Broker, name: string): Promise<number[]> {
  const id = await deviceId(broker, name);
  const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=n&startTs=0&endTs=9000000000000&limit=10000&orderBy=ASC`;
  const { n = [] } = await api<{ n?: { value: string }[] }>(broker, path);
  return n.map(({ value }) => Number(value));
}

async function until<T>(read: () => Promise<T>, good: (value: T) => boolean, deadlineMs = 15_000): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await read();
    if (good(value)) return value;
    if (performance.now() > end) throw new Error(`not in time: ${JSON.stringify(value).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const outcomes = async (broker: Broker) =>
  (
    await api<{ messages: { received: number; inFlight: number; outcomes: Record<string, number> } }>(
      broker,
      '/api/gridmoor/status',
    )
  ).messages;

describe('checkpoint and delay', () => {
  it('nothing acknowledged is lost behind a checkpoint in three kills', async () => {
    await using folder = await chainFolder({
      keep: { kind: 'flow/checkpoint', to: { Success: 'save' } },
      save: SAVE,
    });
    await using broker = await startBroker({ chainsDir: folder.chainsDir });
    const names = ['a', 'b', 'c', 'd'];
    const tokens = await Promise.all(names.map((name) => newDevice(broker, name)));
    const acked = names.map((): number[] => []);
    const sent = names.map(() => 0);
    for (let round = 1; round <= 3; round++) {
      let killed = false;
      const load = names.map(async (_, at) => {
        while (!killed) {
          const n = (sent[at] ?? 0) + 1;
          sent[at] = n;
          const answer = await post(broker, tokens[at] ?? '', { ts: n, values: { n } }).catch(() => undefined);
          if (answer?.status === 200) acked[at]?.push(n);
          if ((acked[at]?.length ?? 0) >= round * 60) killed = true;
        }
      });
      await Promise.race(load);
      await broker.restart('SIGKILL');
      await Promise.all(load);
    }
    await until(
      () => outcomes(broker),
      ({ inFlight }) => inFlight === 0,
    );
    for (const [at, name] of names.entries()) {
      const all = await until(
        () => stored(broker, name),
        (values) => values.includes(acked[at]?.at(-1) ?? 0),
      );
      expect(acked[at]?.filter((n) => !all.includes(n))).toEqual([]);
    }
  });

  it('a delayed message goes on at its time, once, also after a kill before it', async () => {
    await using folder = await chainFolder({
      wait: { kind: 'flow/delay', config: { periodInSecondsPattern: '$[after]' }, to: { Success: 'save' } },
      save: SAVE,
    });
    await using broker = await startBroker({ chainsDir: folder.chainsDir });
    const token = await newDevice(broker, 'm');
    const began = Date.now();
    for (const [n, after] of [
      [1, 3],
      [2, 2],
      [3, 0],
    ] as const) {
      expect((await post(broker, token, { ts: n, values: { n, after } })).status).toBe(200);
    }
    await until(
      () => stored(broker, 'm'),
      (values) => values.includes(3),
    );
    await broker.restart('SIGKILL');
    const all = await until(
      () => stored(broker, 'm'),
      (values) => values.length === 3,
    );
    expect([all, Date.now() - began >= 3_000]).toEqual([[1, 2, 3], true]);
    await until(
      () => outcomes(broker),
      ({ inFlight }) => inFlight === 0,
    );
    const before = await outcomes(broker);
    await broker.restart();
    const after = await outcomes(broker);
    expect([before.outcomes.processed, after.received]).toEqual([2, 0]);
  });

  it('of one device 1,000 may wait; one more fails at the node and is dead-lettered', async () => {
    await using folder = await chainFolder({
      type: telemetryTo('wait'),
      wait: { kind: 'flow/delay', config: { periodInSeconds: 3_000 }, to: { Success: 'save' } },
      save: SAVE,
    });
    await using broker = await startBroker({ chainsDir: folder.chainsDir });
    const token = await newDevice(broker, 'm');
    for (let at = 0; at < 1_010; at += 101) {
      const body = Array.from({ length: 101 }, (_, i) => ({ ts: at + i, values: { n: at + i } }));
      expect((await post(broker, token, body)).status).toBe(200);
    }
    expect((await outcomes(broker)).outcomes).toMatchObject({ 'dead-lettered': 10 });
    const letters = await api<{ data: { reason: string; node: string }[] }>(broker, '/api/gridmoor/dead-letters');
    expect(letters.data[0]).toMatchObject({ node: 'wait', reason: 'too many messages of m wait to go on' });
  });
});

describe('acknowledge', () => {
  it('case 30: what fails behind it is logged only; the message stays processed', async () => {
    await using folder = await chainFolder({
      type: telemetryTo('ack'),
      ack: { kind: 'flow/ack', to: { Success: ['save', 'dead'] } },
      save: SAVE,
      dead: { kind: 'flow/dead-letter', config: { reason: 'too late' } },
    });
    await using broker = await startBroker({ chainsDir: folder.chainsDir });
    const token = await newDevice(broker, 'm');
    expect((await post(broker, token, { ts: 1, values: { n: 1 } })).status).toBe(200);
    await until(
      () => stored(broker, 'm'),
      (values) => values.length === 1,
    );
    expect((await outcomes(broker)).outcomes).toMatchObject({ refused: 0, 'dead-lettered': 0 });
    expect(await api(broker, '/api/gridmoor/dead-letters')).toMatchObject({ totalElements: 0 });
    expect(broker.logs()).toContainEqual(
      expect.objectContaining({ event: 'msg.failed-after-ack', chain: 'main', node: 'dead', reason: 'too late' }),
    );
  });
});
