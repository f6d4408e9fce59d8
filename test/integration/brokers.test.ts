import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli/run-cli.ts';
import type { Broker } from '../helpers/broker.ts';
import { type Brokers, startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, newDevice } from '../helpers/system.ts';

const USE_ANOTHER_SERVER = 0x9c;

interface Line {
  readonly id: string;
  readonly run: string;
  readonly state: string;
  readonly sessions: number;
  readonly addresses: Readonly<Record<string, string>>;
}

const ask = (broker: Broker, ...words: readonly string[]) =>
  runCli(['brokers', ...words, '--url', broker.url], { env: { GRIDMOOR_ADMIN_KEY: broker.adminKey } });

function canConnect(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe('gridmoor brokers', () => {
  let brokers: Brokers;
  let one: Broker;
  let two: Broker;

  beforeAll(async () => {
    brokers = await startBrokers(2, { deadlineMs: 40_000 });
    [one, two] = brokers.all as [Broker, Broker];
  });
  afterAll(() => brokers[Symbol.asyncDispose]());

  const listed = async (): Promise<readonly Line[]> =>
    (JSON.parse((await ask(two, 'list', '--json')).stdout) as { data: readonly Line[] }).data;

  it('list shows every broker with its sessions and where it listens', async () => {
    const token = await newDevice(one, 'counted');
    await using _client = await MqttClient.connect({ port: one.ports.mqtt, userName: token });
    await expect
      .poll(async () => (await listed()).map(({ id, sessions }) => [id, sessions]), { timeout: 10_000 })
      .toEqual([
        ['broker-1', 1],
        ['broker-2', 0],
      ]);
    expect((await listed()).map(({ state }) => state)).toEqual(['live', 'live']);
    expect((await listed())[0]?.addresses.mqtt).toBe(`127.0.0.1:${one.ports.mqtt}`);
    expect((await ask(two, 'list')).stdout).toMatch(/^broker-1\s+live\s+1\s/m);
  });

  it('a name that no broker has, or nonsense, is refused', async () => {
    const none = await ask(two, 'drain', 'broker-9');
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no broker "broker-9" is live')]);
    expect((await ask(two, 'drain', '__proto__')).code).toBe(1);
    expect((await ask(two, 'drain', '..')).code).toBe(2);
    expect((await ask(two, 'drain', 'broker-1', '--seconds', '5')).code).toBe(2);
    expect((await ask(two, 'drain')).code).toBe(2);
    const reader = await api<{ secretKey: string }>(two, '/api/gridmoor/api-keys', {
      method: 'POST',
      body: { name: 'reader', role: 'read-only' },
    });
    const env = { GRIDMOOR_ADMIN_KEY: reader.secretKey };
    expect((await runCli(['brokers', 'list', '--url', two.url], { env })).code).toBe(0);
    expect((await runCli(['brokers', 'drain', 'broker-1', '--url', two.url], { env })).stderr).toContain('FORBIDDEN');
  });

  it('drain, asked at another broker, moves the devices: not ready first, then told to move, then no door', async () => {
    const token = await newDevice(one, 'moved');
    await using client = await MqttClient.connect({ port: one.ports.mqtt, version: 5, userName: token });
    await client.publish('v1/devices/me/telemetry', '{"before":1}');
    await expect.poll(async () => (await listed())[0]?.sessions, { timeout: 10_000 }).toBe(1);
    const draining = ask(two, 'drain', 'broker-1', '--wait');
    await expect.poll(async () => (await fetch(`${one.url}/readyz`)).status).toBe(503);
    // Load balancers have some seconds to notice: who comes meanwhile is served.
    expect(await canConnect(one.ports.mqtt)).toBe(true);
    await client.publish('v1/devices/me/telemetry', '{"meanwhile":1}');
    expect(await client.ended(15_000)).toBe(USE_ANOTHER_SERVER);
    expect(await draining).toMatchObject({ code: 0, stdout: 'broker-1 drains: 0 sessions left\n' });
    expect(await canConnect(one.ports.mqtt)).toBe(false);
    expect((await listed()).map(({ id, state }) => [id, state])).toEqual([
      ['broker-1', 'draining'],
      ['broker-2', 'live'],
    ]);
    const last = await ask(two, 'drain', 'broker-2');
    expect([last.code, last.stderr]).toEqual([1, expect.stringContaining('no other broker')]);
    await using again = await MqttClient.connect({ port: two.ports.mqtt, version: 5, userName: token });
    expect(await again.publish('v1/devices/me/telemetry', '{"after":1}')).toBe(0);
    expect(await one.kill()).toEqual({ code: 0, signal: null });
    await expect.poll(async () => (await listed()).map(({ id }) => id), { timeout: 10_000 }).toEqual(['broker-2']);
  });

  it('a Redis that throws data away does not stop a broker, and shows in readiness and metrics', async () => {
    await brokers.redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const three = await brokers.start({ env: { GRIDMOOR_INSTANCE_ID: 'broker-3' } });
    const ready = async () =>
      (await (await fetch(`${three.url}/readyz`)).json()) as { ready: boolean; checks: unknown[] };
    const said = { name: 'redis-settings', ok: false, problem: expect.stringContaining('throws devices away') };
    await expect.poll(async () => (await ready()).checks, { timeout: 10_000 }).toContainEqual(said);
    expect((await ready()).ready).toBe(true);
    const metrics = await (await fetch(`${three.url}/metrics`)).text();
    expect(metrics).toContain('gridmoor_check{check="redis-settings"} 0');
  });
});

it('of two that are told to drain at once, at two brokers, one stays', async () => {
  await using brokers = await startBrokers(2, { deadlineMs: 40_000 });
  const [one, two] = brokers.all as [Broker, Broker];
  const asked = await Promise.all([ask(two, 'drain', 'broker-1'), ask(one, 'drain', 'broker-2')]);
  expect(asked.map(({ code }) => code).sort()).toEqual([0, 1]);
  expect(asked.map(({ stderr }) => stderr).join('')).toContain('no other broker');
});

it('who asks for the next broker at once finds this one draining, and --wait ends when its door is shut, with no device too', async () => {
  await using brokers = await startBrokers(2, { deadlineMs: 40_000 });
  const [one, two] = brokers.all as [Broker, Broker];
  expect((await ask(two, 'drain', 'broker-1')).code).toBe(0);
  const next = await ask(two, 'drain', 'broker-2');
  expect([next.code, next.stderr]).toEqual([1, expect.stringContaining('no other broker')]);
  const waited = await ask(two, 'drain', 'broker-1', '--wait');
  expect([waited.code, waited.stdout]).toEqual([0, 'broker-1 drains: 0 sessions left\n']);
  expect(await canConnect(one.ports.mqtt)).toBe(false);
});
