import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { type Brokers, SHARED_KEY, startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const TAKEN_OVER = 0x8e;
const SHUTTING_DOWN = 0x8b;
const STARTED = { timeout: 30_000 };

interface Line {
  readonly id: string;
  readonly run: string;
  readonly state: string;
  readonly sessions: number;
}

const connect = (broker: Broker, userName: string) =>
  MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName });
async function connectAll(broker: Broker, tokens: readonly string[]) {
  const all: MqttClient[] = [];
  for (const token of tokens) all.push(await connect(broker, token));
  return {
    all,
    async [Symbol.asyncDispose]() {
      for (const client of all) await client[Symbol.asyncDispose]();
    },
  };
}
const events = (broker: Broker, event: string) => broker.logs().filter((line) => line.event === event);
const metric = async (broker: Broker, name: string): Promise<number> => {
  const text = await (await fetch(`${broker.url}/metrics`)).text();
  const at = text.split('\n').find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return Number(at?.split(' ').at(-1));
};
const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const envOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'utf8');
const workerPid = (broker: Broker, number: number): number =>
  children(broker.pid).find((pid) => envOf(pid).includes(`WORKER_NUMBER=${number}\0`)) ?? 0;
const lines = async (broker: Broker) =>
  (await api<{ data: readonly Line[] }>(broker, '/api/gridmoor/brokers')).data.filter(({ state }) => state === 'live');
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
const spread = async (broker: Broker) => (await lines(broker)).map(({ sessions }) => sessions);

describe('serve --workers 2', () => {
  let brokers: Brokers;
  let broker: Broker;

  beforeAll(async () => {
    brokers = await startBrokers(1, { args: ['--workers', '2'], deadlineMs: 40_000 });
    [broker] = brokers.all as [Broker];
  });
  afterAll(() => brokers[Symbol.asyncDispose]());

  it('one ready line, when all are ready; each worker is an instance of its own', async () => {
    const ready = events(broker, 'ready');
    expect(ready).toEqual([expect.objectContaining({ instance: 'broker-1', workers: 2 })]);
    expect(children(broker.pid)).toHaveLength(2);
    expect((await lines(broker)).map(({ id }) => id).sort()).toEqual(['broker-1-w1', 'broker-1-w2']);
  });

  it('devices are spread, and /metrics on the shared port is the sum', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => newDevice(broker, `spread-${i}`)));
    // One after the other: in a rush the worker that gets more CPU takes more.
    await using clients = await connectAll(broker, tokens);
    for (const client of clients.all) expect(await client.publish(TELEMETRY, '{"t":1}')).toBe(0);
    await expect
      .poll(() => spread(broker), STARTED)
      .toSatisfy((counts: number[]) => sum(counts) === 20 && Math.min(...counts) >= 3);
    expect(await metric(broker, 'gridmoor_sessions')).toBe(20);
    expect(await metric(broker, 'gridmoor_ready')).toBe(1);
    expect(await metric(broker, 'gridmoor_messages_total{outcome="processed"}')).toBeGreaterThanOrEqual(20);
  });

  it('a login ends the session of its device, whichever worker has it', async () => {
    const token = await newDevice(broker, 'mover');
    let former = await connect(broker, token);
    for (let round = 0; round < 20; round++) {
      const next = await connect(broker, token);
      expect(await former.ended()).toBe(TAKEN_OVER);
      expect(await next.publish(TELEMETRY, `{"round":${round}}`)).toBe(0);
      former = next;
    }
    await expect.poll(() => metric(broker, 'gridmoor_sessions')).toBe(1);
    await former[Symbol.asyncDispose]();
  });

  it('kill -9 of a worker under load: the other goes on, it comes back, nothing acknowledged is lost', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `loaded-${i}`);
    const tokens = await Promise.all(names.map((name) => newDevice(broker, name)));
    const acked = names.map(() => [] as number[]);
    let until: number | undefined;
    const run = async (token: string, mine: number[]): Promise<void> => {
      for (let seq = 0; until === undefined || mine.length < until; ) {
        try {
          await using client = await connect(broker, token);
          while (until === undefined || mine.length < until) {
            seq += 1;
            await client.publish(TELEMETRY, JSON.stringify({ ts: seq, values: { seq } }));
            mine.push(seq);
          }
        } catch {
          // The connection ended with its worker: come back as devices do.
        }
      }
    };
    const running = tokens.map((token, i) => run(token, acked[i] ?? []));
    const total = () => acked.reduce((sum, { length }) => sum + length, 0);
    await expect.poll(total, STARTED).toBeGreaterThan(200);
    const counted = await metric(broker, 'gridmoor_messages_total{outcome="processed"}');
    const victim = workerPid(broker, 1);
    process.kill(victim, 'SIGKILL');
    await expect.poll(() => events(broker, 'worker.ended').length).toBe(1);
    expect(events(broker, 'worker.ended')[0]).toMatchObject({ worker: 1, signal: 'SIGKILL' });
    expect(await metric(broker, 'gridmoor_messages_total{outcome="processed"}')).toBeGreaterThanOrEqual(counted);
    await expect.poll(() => events(broker, 'worker.back').length, STARTED).toBe(1);
    expect(workerPid(broker, 1)).not.toBe(victim);
    const now = Math.max(...acked.map(({ length }) => length));
    until = now + 20; // each device gets there: also those of the worker that died
    await Promise.all(running);
    for (const [i, name] of names.entries()) {
      const id = await deviceId(broker, name);
      const query = 'keys=seq&startTs=0&endTs=1000000&limit=10000';
      const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?${query}`;
      const stored = new Set(
        (await api<{ seq: { value: string }[] }>(broker, path)).seq.map((one) => Number(one.value)),
      );
      expect(acked[i]?.filter((seq) => !stored.has(seq))).toEqual([]);
    }
    await using _fresh = await connectAll(broker, tokens);
    // Both in one look: until each has reported anew, its line counts the sessions of the load.
    await expect
      .poll(() => spread(broker), STARTED)
      .toSatisfy((counts: number[]) => sum(counts) === 10 && Math.min(...counts) > 0);
  });

  it('SIGTERM to one worker alone: it stops in order and is started anew', async () => {
    const before = events(broker, 'worker.back').length;
    process.kill(workerPid(broker, 2), 'SIGTERM');
    await expect.poll(() => events(broker, 'worker.back').length, STARTED).toBe(before + 1);
    expect(events(broker, 'worker.ended').at(-1)).toMatchObject({ worker: 2, code: 0 });
  });

  it('log lines of a worker say which', () => {
    const stops = events(broker, 'stopped');
    expect(stops).toEqual([expect.objectContaining({ worker: 2 })]);
  });

  it('SIGTERM: clients of all workers hear that the server ends, exit 0', async () => {
    const tokens = await Promise.all([1, 2, 3, 4].map((n) => newDevice(broker, `drained-${n}`)));
    const clients = await Promise.all(tokens.map((token) => connect(broker, token)));
    for (const client of clients) await client.publish(TELEMETRY, '{"last":1}');
    const exit = broker.kill('SIGTERM');
    for (const client of clients) expect(await client.ended(10_000)).toBe(SHUTTING_DOWN);
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(events(broker, 'stopped').filter((line) => line.worker === undefined)).toHaveLength(1);
  });
});

describe('serve --workers: ends', () => {
  const args = ['--workers=2'];

  it('a second signal ends all at once, with 1', async () => {
    await using brokers = await startBrokers(1, { args, deadlineMs: 40_000 });
    const [broker] = brokers.all as [Broker];
    const pids = children(broker.pid);
    for (const pid of pids) process.kill(pid, 'SIGSTOP'); // none can stop by itself
    process.kill(broker.pid, 'SIGTERM');
    await expect.poll(() => events(broker, 'stopping').length).toBe(1);
    expect(await broker.kill('SIGINT')).toEqual({ code: 1, signal: null });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('the end of the primary is the end of its workers', async () => {
    await using brokers = await startBrokers(1, { args, deadlineMs: 40_000 });
    const [broker] = brokers.all as [Broker];
    const pids = children(broker.pid);
    await broker.kill('SIGKILL');
    const alive = () => pids.filter((pid) => isAlive(pid));
    await expect.poll(alive, { timeout: 10_000 }).toEqual([]);
  });

  it('a start that fails ends at once with 1, and says why once', async () => {
    await using brokers = await startBrokers(1, { args, deadlineMs: 40_000 });
    const [broker] = brokers.all as [Broker];
    const { url } = brokers.redis;
    const env = { REDIS_URL: url, GRIDMOOR_SECRET_KEY: SHARED_KEY, MQTT_BIND_PORT: String(broker.ports.mqtt) };
    const second = await startBroker({ args, env, deadlineMs: 40_000 }).catch((error: Error) => error.message);
    expect(second).toContain('ended: {"code":1');
    expect(String(second).match(/is in use: stop the other program/g)).toHaveLength(2); // log line, standard error
  });

  it('workers that keep dying at start are the end, with 1', async () => {
    const chainsDir = mkdtempSync(join(tmpdir(), 'gridmoor-chains-'));
    cpSync('rule-chains', chainsDir, { recursive: true });
    await using brokers = await startBrokers(1, { args, chainsDir, deadlineMs: 40_000 });
    const [broker] = brokers.all as [Broker];
    const ended = broker.exited;
    writeFileSync(join(chainsDir, 'broken.json'), '{');
    for (const pid of children(broker.pid)) process.kill(pid, 'SIGKILL');
    expect(await ended).toEqual({ code: 1, signal: null });
    const pauses = events(broker, 'worker.ended').flatMap(({ worker, pauseMs }) => (worker === 1 ? [pauseMs] : []));
    expect(pauses.slice(0, 2)).toEqual([200, 400]);
    expect(events(broker, 'workers.failing')).toHaveLength(1);
    await broker.kill(); // it is no surprise to the helper then
    rmSync(chainsDir, { recursive: true });
  });

  it('without a Redis it is refused, and the error names REDIS_URL', async () => {
    const refused = await startBroker({ args }).catch((error: Error) => error.message);
    expect(refused).toContain('ended: {"code":2');
    expect(refused).toMatch(/flag --workers.*the embedded store belongs to one process.*REDIS_URL/);
  });
});

describe('serve --workers: limits', () => {
  it('workers that are all full drop who comes, and burn no CPU on it', async () => {
    await using brokers = await startBrokers(1, {
      args: ['--workers', '2'],
      env: { MQTT_MAX_CONNECTIONS: '4' },
      deadlineMs: 40_000,
    });
    const [broker] = brokers.all as [Broker];
    const tokens: string[] = [];
    for (let i = 0; i < 4; i++) tokens.push(await newDevice(broker, `full-${i}`));
    // One after the other, so that they are dealt out in turn: each worker has half of the places.
    const clients: MqttClient[] = [];
    for (const token of tokens) clients.push(await connect(broker, token));
    const late = await MqttClient.raw({ port: broker.ports.mqtt });
    await late.ended();
    for (const client of clients) await client.alive();
    await clients[0]?.[Symbol.asyncDispose]();
    await expect
      .poll(() =>
        connect(broker, tokens[0] ?? '').then(
          () => 'in',
          () => 'out',
        ),
      )
      .toBe('in');
  });
});

function isAlive(pid: number): boolean {
  try {
    // One that has ended and was not waited for is a zombie.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
