import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api, newDevice } from '../helpers/system.ts';

const run = promisify(execFile);

async function send(broker: Broker, token: string, what: string, body: object): Promise<void> {
  const response = await fetch(`${broker.url}/api/v1/${token}/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
}

describe('gridmoor record', () => {
  it('records traffic without its secrets, so that chain replay takes the same ways', async () => {
    await using broker = await startBroker();
    const made = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Acme' },
    });
    const token = await newDevice(broker, 'recorded');
    // Its activity is an event of its own, told with its first message.
    await send(broker, token, 'telemetry', { power: 0 });
    await send(broker, token, 'telemetry', { power: 0 });
    const folder = mkdtempSync(join(tmpdir(), 'gridmoor-record-'));
    const file = join(folder, 'traffic.ndjson');
    const env = { ...process.env, GRIDMOOR_URL: broker.url, GRIDMOOR_ADMIN_KEY: broker.adminKey };
    const cli = (...args: string[]) => run(process.execPath, ['dist/main.js', ...args], { env });
    const recording = cli('record', file, '--messages', '4', '--seconds', '30', '--json');
    // The recording has begun when its header is written.
    await expect.poll(() => read(file), { timeout: 15_000 }).toContain('recording');
    await send(broker, token, 'attributes', { Power_supplier_secret_key: 'a wrong key', CUPS: 'ES0021000012345678LB' });
    await send(broker, token, 'attributes', {
      Power_supplier_secret_key: made.secretKey,
      CUPS: 'ES0021000012345678LB',
    });
    await send(broker, token, 'attributes', {
      Power_supplier_secret_key: made.secretKey,
      CUPS: 'ES1234123456789012JX',
    });
    await send(broker, token, 'telemetry', { power: 231.5 });
    expect(JSON.parse((await recording).stdout)).toEqual({ file, messages: 4, dropped: 0 });
    const text = read(file);
    for (const secret of [made.secretKey, 'a wrong key', '0000123456', '1234567890'])
      expect(text).not.toContain(secret);

    // The chain's own explanation of the recorded messages: the ways are those of the live ones.
    const lines = text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type }) => type)).toEqual([
      ...Array.from({ length: 3 }, () => 'POST_ATTRIBUTES_REQUEST'),
      'POST_TELEMETRY_REQUEST',
    ]);
    expect(lines.map(({ known }) => known?.length ?? 0)).toEqual([0, 1, 0, 0]);
    expect(lines[1].data.Power_supplier_secret_key).toBe(lines[2].data.Power_supplier_secret_key);
    const same = await cli('chain', 'replay', file, '--old', 'rule-chains', '--new', 'rule-chains', '--json');
    expect(JSON.parse(same.stdout)).toEqual({ messages: 4, groups: [] });

    // Its reader goes after the first line.
    const piped = spawn(process.execPath, ['dist/main.js', 'record', '-', '--seconds', '300'], { env });
    piped.stdout.once('data', () => piped.stdout.destroy());
    await expect.poll(() => piped.stdout.destroyed, { timeout: 15_000 }).toBe(true);
    await send(broker, token, 'telemetry', { power: 1 });
    expect(await once(piped, 'exit')).toEqual([0, null]);

    await expect(cli('record', file, '--seconds', '1')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is there already'),
    });
  });

  it('is for operators, bounded, and one at a time', async () => {
    await using broker = await startBroker();
    const start = (body: object) =>
      api<{ id: string; state: string }>(broker, '/api/gridmoor/recordings', { method: 'POST', body });
    const first = await start({ messages: 1, seconds: 1 });
    await expect(start({ messages: 2 })).rejects.toThrow('RECORDING_RUNS');
    const second = await start({ messages: 2, force: true });
    await expect(api(broker, `/api/gridmoor/recordings/${first.id}`)).rejects.toThrow('404');
    const token = await newDevice(broker, 'many');
    for (let number = 0; number < 5; number++) await send(broker, token, 'telemetry', { number });
    const read = await api<{ state: string; messages: number; lines: string[] }>(
      broker,
      `/api/gridmoor/recordings/${second.id}`,
    );
    expect(read).toMatchObject({ state: 'full', messages: 2 });
    expect(read.lines).toHaveLength(2);
    await expect(start({ messages: 10_001 })).rejects.toThrow('400');
    await expect(start({ seconds: 'long' })).rejects.toThrow('400');
    const path = `${broker.url}/api/gridmoor/recordings/${second.id}`;
    expect((await fetch(path)).status).toBe(401);
    await api(broker, `/api/gridmoor/recordings/${second.id}`, { method: 'DELETE' });
    await expect(api(broker, `/api/gridmoor/recordings/${second.id}`)).rejects.toThrow('404');
  });
});

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
