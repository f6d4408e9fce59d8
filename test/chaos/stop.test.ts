import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectNothingFound } from '../helpers/checker.ts';
import { traceOf } from '../helpers/journal.ts';
import { startJournalClient } from '../helpers/journal-client.ts';
import { planFleet } from '../helpers/journal-plan.ts';
import { withLoad } from '../helpers/with-load.ts';
import { MAIN } from './broken-build.ts';
import { copyFolders } from './folders.ts';
import { startRig } from './rig.ts';

const SHUTTING_DOWN = 0x8b;
/** Devices that go on for as long as they are let. */
const load = { seed: 7, groups: 4_000, messages: 400, parallel: 10, window: 30 };

describe('chaos: stop', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} under load: exit 0 within 10 s, v5 clients hear 0x8B, all that was acknowledged is stored`, async () => {
      await using rig = await startRig();
      const fleet = await rig.fleet(load);
      await fleet.until(({ acked, attached }) => acked > 800 && attached > 10, 'load', 30_000);
      const before = performance.now();
      const exit = await rig.end(signal);
      expect(exit).toEqual({ code: 0, signal: null });
      expect(performance.now() - before).toBeLessThan(withLoad(10_000));
      await fleet.until(({ closed }) => closed > 9, 'the end of the connections', 5_000);
      const { closings } = traceOf(fleet.journal());
      const codes = closings.filter(({ from }) => from.version === 5).map(({ code }) => code);
      expect(codes.length).toBeGreaterThan(3);
      expect(codes.filter((code) => code !== SHUTTING_DOWN)).toEqual([]);

      expect(await rig.startAgain()).toBeLessThan(withLoad(5_000));
      const { acked } = fleet.progress;
      await fleet.until((now) => now.acked > acked + 200, 'the fleet goes on', 30_000);
      await fleet.stop(30_000);
      const counts = await rig.counts();
      expectNothingFound(await rig.judge({ counts }));
      expect(counts.received).toBeGreaterThan(200);
    });
  }

  it('SIGTERM while much is waiting: what was accepted is finished', async () => {
    await using rig = await startRig();
    const fleet = await rig.fleet({ ...load, messages: 5_000, window: 90, attachEvery: 1 });
    await fleet.until(({ acked }) => acked > 300, 'load', 30_000);
    expect(await rig.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expectNothingFound(await rig.judge());
  });

  it('SIGTERM while changed files are being loaded: exit 0, all that was acknowledged is stored', async () => {
    using folders = copyFolders();
    await using rig = await startRig(folders.options);
    const fleet = await rig.fleet(load);
    const good = readFileSync(folders.chain, 'utf8');
    for (const delayMs of [0, 190, 205, 230]) {
      const { acked } = fleet.progress;
      await fleet.until((now) => now.acked > acked + 100, 'load', 30_000);
      writeFileSync(folders.chain, `${good}\n`);
      await pause(delayMs); // changed files are looked at 200 ms after the last change
      expect(await rig.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await rig.startAgain();
    }
    await fleet.stop(30_000);
    expectNothingFound(await rig.judge());
  });

  it('a second signal ends it at once with 1; nothing acknowledged is lost', async () => {
    await using rig = await startRig();
    const fleet = await rig.fleet(load);
    await fleet.until(({ acked }) => acked > 500, 'load', 30_000);
    const { pid, exited } = rig.broker;
    // Signals that come while it stands still are all there when it wakes up.
    for (const signal of ['SIGSTOP', 'SIGTERM', 'SIGINT', 'SIGCONT'] as const) process.kill(pid, signal);
    const before = performance.now();
    expect(await exited).toEqual({ code: 1, signal: null });
    expect(performance.now() - before).toBeLessThan(withLoad(2_000));
    expect(rig.broker.logs().map(({ event }) => event)).toContain('stop.again');
    await rig.startAgain();
    await fleet.stop(30_000);
    expectNothingFound(await rig.judge());
  });

  it('a closed standard output does not end it', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'gridmoor-chaos-'));
    const provisionSecret = 'provision-secret-of-the-stop-test';
    const child = spawn(process.execPath, [MAIN, 'serve'], {
      env: {
        PATH: process.env.PATH,
        MQTT_BIND_ADDRESS: '127.0.0.1',
        MQTT_BIND_PORT: '0',
        HTTP_BIND_ADDRESS: '127.0.0.1',
        HTTP_BIND_PORT: '0',
        COAP_BIND_PORT: '0',
        GRIDMOOR_DATA_DIR: dataDir,
        PROVISION_SECRET_SMART_METER: provisionSecret,
        LOG_LEVEL: 'debug',
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(child, 'exit');
    try {
      const port = await readyPort(child.stdout, exited);
      child.stdout.destroy();
      const groups = planFleet({ seed: 3, groups: 4, messages: 30, supplierKeys: ['nobody-s-supplier-key'] });
      const plan = { ports: [port], provisionKey: 'smart-meter', provisionSecret, seed: 3, parallel: 4, window: 4 };
      await using client = await startJournalClient({ ...plan, groups });
      await client.until(() => client.finished, 'all devices done', 30_000);
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await exited;
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

async function readyPort(stdout: NodeJS.ReadableStream, exited: Promise<unknown>): Promise<number> {
  const ready = (async () => {
    for await (const line of createInterface({ input: stdout })) {
      const log = JSON.parse(line) as { event?: string; mqtt?: { port: number } };
      if (log.event === 'ready' && log.mqtt) return log.mqtt.port;
    }
    return undefined;
  })();
  const port = await Promise.race([ready, exited.then(() => undefined)]);
  if (port === undefined) throw new Error('the broker ended before it was ready');
  return port;
}
