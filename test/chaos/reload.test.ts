import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';
import { eventually } from './eventually.ts';

const RELOADS = 100;
const DEVICES = 8;
const PACE_MS = 20;
const DEADLINE_MS = 20_000;
/** Versions that must never be in force: their own test fails, they cannot be loaded, they fail what is real. */
const POISONED = { upload: 30, file: 61, trial: 92 } as const;

type Next = Readonly<Record<string, string | readonly string[]>>;
const node = (kind: string, config: object, to: Next = {}) => ({ kind, config, to });

/** Writes its version into each message twice, with a read of the store between: two generations would show. */
function chain(version: number, nodes: object = {}): object {
  return {
    name: 'main',
    root: true,
    first: 'type',
    nodes: {
      type: node('filter/msg-type-switch', {}, { 'Post telemetry': 'a', Other: [] }),
      a: node('transform/set-keys', { msg: { a: version } }, { Success: 'read' }),
      read: node(
        'enrich/originator-attributes',
        { serverAttributeNames: ['none'], tellFailureIfAbsent: false },
        { Success: 'b' },
      ),
      b: node('transform/set-keys', { msg: { b: version } }, { Success: 'last' }),
      last: node('action/save-telemetry', {}),
      ...nodes,
    },
  };
}

const POISON = {
  upload: chain(POISONED.upload, { last: node('flow/dead-letter', { reason: 'poisoned' }) }),
  file: chain(POISONED.file, { last: node('action/save-telemetri', {}) }),
  trial: chain(POISONED.trial, {
    last: node('filter/check-fields', { msg: ['real'] }, { True: 'dead', False: [] }),
    dead: node('flow/dead-letter', { reason: 'poisoned' }),
  }),
};

const TESTS = JSON.stringify({
  // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
  cases: [{ name: 'a reading ends well', when: [{ from: 'm', telemetry: { n: 1 } }], then: { outcome: 'processed' } }],
});

/** Sends numbered readings, one after the other, until it is told to stop; gives how many were acknowledged. */
async function load(broker: Broker, name: string, token: string, signal: AbortSignal): Promise<[string, number]> {
  await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
  let n = 0;
  while (!signal.aborted) {
    n++;
    const reading = JSON.stringify({ ts: n, values: { n, real: true } });
    expect(await client.publish('v1/devices/me/telemetry', reading)).toBe(0);
    await pause(PACE_MS);
  }
  return [name, n];
}

const inForce = async (broker: Broker): Promise<string> =>
  (await api<{ generation: string }>(broker, '/api/gridmoor/chains/main/counters')).generation;

function put(broker: Broker, body: object, query = ''): Promise<Response> {
  return fetch(`${broker.url}/api/gridmoor/chains/main${query}`, {
    method: 'PUT',
    headers: {
      'X-Authorization': `ApiKey ${broker.adminKey}`,
      'content-type': 'application/json',
      'if-match': '*',
    },
    body: JSON.stringify(body),
  });
}

/** What the device has in its history: the versions that wrote each reading. */
async function stored(broker: Broker, name: string): Promise<{ n: number; a: number; b: number }[]> {
  const id = await deviceId(broker, name);
  const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=n,a,b&startTs=0&endTs=9000000000000&limit=10000&orderBy=ASC`;
  const series = await api<Record<string, { ts: number; value: string }[]>>(broker, path);
  const [a, b] = ['a', 'b'].map((key) => new Map(series[key]?.map(({ ts, value }) => [ts, Number(value)])));
  return (series.n ?? []).map(({ ts, value }) => ({ n: Number(value), a: a?.get(ts) ?? -1, b: b?.get(ts) ?? -2 }));
}

describe('chaos: reloads', () => {
  it('100 under load, three of them poisoned: each message has one outcome, in one generation', async () => {
    const chainsDir = mkdtempSync(join(tmpdir(), 'gridmoor-reload-'));
    const file = join(chainsDir, 'main.json');
    const replace = (body: object): void => {
      writeFileSync(`${file}.tmp`, JSON.stringify(body));
      renameSync(`${file}.tmp`, file);
    };
    replace(chain(0));
    writeFileSync(join(chainsDir, 'main.test.json'), TESTS);
    await using broker = await startBroker({ chainsDir });
    const ready = async () => (await fetch(`${broker.url}/readyz`)).ok;
    const names = Array.from({ length: DEVICES }, (_, index) => `meter-${index}`);
    const tokens = await Promise.all(names.map((name) => newDevice(broker, name)));
    const stop = new AbortController();
    const loads = names.map((name, index) => load(broker, name, tokens[index] ?? '', stop.signal));
    const loaded = Promise.all(loads);
    const given = loaded.then(
      () => new Error('the load ended before it was told to'),
      (error: unknown) => error,
    );

    const reloads = async (): Promise<void> => {
      for (let version = 1; version <= RELOADS; version++) {
        const before = await inForce(broker);
        if (version === POISONED.upload) {
          const refused = await put(broker, POISON.upload);
          expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('a reading ends well')]);
        } else if (version === POISONED.trial) {
          expect((await put(broker, POISON.trial, '?percent=100&minMessages=20')).status).toBe(200);
          await eventually(
            'the trial is given up',
            async () => JSON.stringify(await api(broker, '/api/gridmoor/chain-canary')).includes('given up'),
            DEADLINE_MS,
          );
        } else if (version === POISONED.file) {
          replace(POISON.file);
          const refusals = () => broker.logs().filter(({ event }) => event === 'files.refused');
          await eventually('the bad file is refused', () => refusals().length > 0, DEADLINE_MS);
          expect(JSON.stringify(refusals())).toContain('action/save-telemetri');
        } else if (version % 2 === 0) {
          expect((await put(broker, chain(version))).status).toBe(200);
          expect(await inForce(broker)).not.toBe(before);
        } else {
          replace(chain(version));
          await eventually(`version ${version}`, async () => (await inForce(broker)) !== before, DEADLINE_MS);
        }
        if (Object.values<number>(POISONED).includes(version)) expect(await inForce(broker)).toBe(before);
      }
    };
    await Promise.race([reloads(), given.then((error) => Promise.reject(error))]);
    stop.abort();
    const acked = new Map(await loaded);
    expect(await ready()).toBe(true);

    let total = 0;
    const seen = new Set<number>();
    const letters = await api<{ totalElements: number; data: { reason: string; node: string }[] }>(
      broker,
      '/api/gridmoor/dead-letters?pageSize=1000',
    );
    for (const { node: where, reason } of letters.data) expect([where, reason]).toEqual(['dead', 'poisoned']);
    for (const name of names) {
      const rows = await stored(broker, name);
      total += rows.length;
      expect(rows.filter(({ a, b }) => a !== b)).toEqual([]);
      const versions = rows.map(({ a }) => a);
      expect(versions).toEqual([...versions].sort((x, y) => x - y));
      for (const version of versions) seen.add(version);
      expect(rows.at(-1)?.n).toBe(acked.get(name));
    }
    const sent = [...acked.values()].reduce((sum, count) => sum + count, 0);
    expect(total + letters.totalElements).toBe(sent);
    expect(letters.totalElements).toBeGreaterThanOrEqual(20);
    for (const version of Object.values(POISONED)) expect(seen).not.toContain(version);
    expect(seen.size).toBeGreaterThan(RELOADS / 2);
    const { messages } = await api<{
      messages: { received: number; inFlight: number; outcomes: Record<string, number> };
    }>(broker, '/api/gridmoor/status');
    const outcomes = Object.values(messages.outcomes).reduce((sum, count) => sum + count, 0);
    expect({ ...messages, received: outcomes }).toEqual({ ...messages, inFlight: 0 });
    expect(messages.outcomes).toMatchObject({ refused: 0, 'rate-limited': 0, 'dead-lettered': letters.totalElements });
    rmSync(chainsDir, { recursive: true, force: true });
  });
});
