import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { expectNothingFound } from '../helpers/checker.ts';
import { MAIN } from './broken-build.ts';
import { eventually } from './eventually.ts';
import { type Rig, startRig } from './rig.ts';
import { mountSmallDisk } from './small-disk.ts';

const PAGE_BYTES = 4_096;
const load = { seed: 21, groups: 2_000, messages: 200, parallel: 6, window: 10 };

describe('chaos: disk', () => {
  it('a full disk: nothing is acknowledged that is not stored, the reason is shown, and it heals', async (context) => {
    using disk = mountSmallDisk(16);
    if (!disk) return context.skip();
    await using rig = await startRig({ dataDir: disk.dir });
    const fleet = await rig.fleet(load);
    await fleet.until(({ acked }) => acked > 300, 'load', 30_000);
    disk.fill();
    await eventually('the store says that it is full', () => has(rig, 'store.failed'), 20_000);
    const { ready, problem } = await eventually(
      'it is not ready',
      async () => {
        const readiness = await rig.readiness();
        return !readiness.ready && readiness;
      },
      5_000,
    );
    expect(ready).toBe(false);
    expect(problem).toMatch(/space|ENOSPC/i);

    disk.empty();
    await eventually('it takes writes again', () => has(rig, 'store.recovered'), 10_000);
    await eventually('it is ready', async () => (await rig.readiness()).ready, 5_000);
    const { acked } = fleet.progress;
    await fleet.until((now) => now.acked > acked + 200, 'the fleet goes on', 20_000);
    await fleet.stop(30_000);
    const counts = await rig.counts();
    expectNothingFound(await rig.judge({ counts }));
  });

  it('killed on a full disk, it opens again once there is space, with all that was acknowledged', async (context) => {
    using disk = mountSmallDisk(12);
    if (!disk) return context.skip();
    await using rig = await startRig({ dataDir: disk.dir });
    const fleet = await rig.fleet(load);
    await fleet.until(({ acked }) => acked > 300, 'load', 30_000);
    disk.fill();
    await eventually('the store says that it is full', () => has(rig, 'store.failed'), 20_000);
    await rig.end('SIGKILL');
    disk.empty();
    await rig.startAgain();
    const { acked } = fleet.progress;
    await fleet.until((now) => now.acked > acked + 100, 'the fleet goes on', 20_000);
    await fleet.stop(30_000);
    expectNothingFound(await rig.judge());
  });

  it('a read-only data directory is refused by name; nothing in it is lost', async (context) => {
    using disk = mountSmallDisk(16);
    if (!disk) return context.skip();
    await using rig = await startRig({ dataDir: disk.dir });
    await someLife(rig);
    disk.setReadOnly(true);
    const refusal = await refusedStart(rig);
    expect(refusal).toContain(disk.dir);
    expect(refusal).toMatch(/cannot be written|read-only|EROFS/i);
    disk.setReadOnly(false);
    await rig.startAgain();
    expectNothingFound(await rig.judge());
  });

  const damages: readonly { readonly name: string; damage(file: string): void; readonly reason: RegExp }[] = [
    { name: 'cut in half', damage: (file) => cut(file, 0.5), reason: /STORE_CORRUPT.*data\.mdb/s },
    { name: 'cut to one page', damage: (file) => truncateSync(file, 4_096), reason: /STORE_CORRUPT.*data\.mdb/s },
    { name: 'emptied', damage: (file) => truncateSync(file, 0), reason: /STORE_CORRUPT.*data\.mdb/s },
    { name: 'overwritten at its head', damage: overwriteHead, reason: /STORE_CORRUPT.*data\.mdb/s },
    { name: 'replaced by a text', damage: (file) => writeFileSync(file, 'x'), reason: /STORE_CORRUPT.*data\.mdb/s },
    { name: 'gone', damage: (file) => rmSync(file), reason: /STORE_CORRUPT.*data\.mdb/s },
    {
      name: 'of a later version',
      damage: (file) => writeFileSync(join(file, '..', 'format.json'), '{"format":999}'),
      reason: /STORE_VERSION.*999/s,
    },
  ];
  for (const { name, damage, reason } of damages) {
    it(`a data file ${name} is refused by name, is left as it is, and opens again when it is brought back`, async () => {
      await using rig = await startRig();
      await someLife(rig);
      const file = join(rig.dataDir, 'store', 'data.mdb');
      const format = join(rig.dataDir, 'store', 'format.json');
      const safe = mkdtempSync(join(tmpdir(), 'gridmoor-safe-'));
      try {
        copyFileSync(file, join(safe, 'data.mdb'));
        copyFileSync(format, join(safe, 'format.json'));
        damage(file);
        const before = digest(file);
        expect(await refusedStart(rig)).toMatch(reason);
        expect(digest(file)).toBe(before);
        copyFileSync(join(safe, 'data.mdb'), file);
        copyFileSync(join(safe, 'format.json'), format);
      } finally {
        rmSync(safe, { recursive: true, force: true });
      }
      await rig.startAgain();
      expectNothingFound(await rig.judge());
    });
  }

  it('whichever page of the data file is overwritten: refused by name, or nothing of it was in use', async () => {
    await using rig = await startRig();
    await someLife(rig);
    const file = join(rig.dataDir, 'store', 'data.mdb');
    const good = readFileSync(file);
    const pages = good.length / PAGE_BYTES;
    let refused = 0;
    for (let part = 1; part <= 12; part++) {
      const at = Math.floor((pages * part) / 13) * PAGE_BYTES;
      writeFileSync(file, Buffer.from(good).fill(0xa5, at, at + PAGE_BYTES));
      const refusal = await tryStart(rig);
      if (refusal === undefined) {
        expectNothingFound(await rig.judge(), `page ${at / PAGE_BYTES}`);
      } else {
        expect(refusal, `page ${at / PAGE_BYTES}`).toMatch(/"code":1.*STORE_CORRUPT.*data\.mdb/s);
        refused++;
      }
      writeFileSync(file, good);
    }
    expect(refused).toBeGreaterThan(3);
    expectNothingFound(await rig.judge());
  });

  it('a second process on the same data directory is refused by name; the first does not notice', async () => {
    await using rig = await startRig();
    const fleet = await rig.fleet(load);
    await fleet.until(({ acked }) => acked > 50, 'load', 20_000);
    const refusal = await refusedStart(rig);
    expect(refusal).toMatch(/STORE_LOCKED/);
    expect(refusal).toContain(String(rig.broker.pid));
    const { acked } = fleet.progress;
    await fleet.until((now) => now.acked > acked + 200, 'the first goes on', 20_000);
    await fleet.stop(20_000);
    const counts = await rig.counts();
    expectNothingFound(await rig.judge({ counts }));
  });

  it('another instance key is refused by name', async () => {
    await using rig = await startRig();
    await someLife(rig);
    const refusal = await refusedStart(rig, { GRIDMOOR_SECRET_KEY: 'another-instance-key-0123456789abcdef' });
    expect(refusal).toMatch(/SECRET_KEY_MISMATCH/);
    expect(refusal).not.toContain('another-instance-key');
    await rig.startAgain();
    expectNothingFound(await rig.judge());
  });
});

/** A short clean life that leaves devices, attachments and readings behind. */
async function someLife(rig: Rig): Promise<void> {
  const fleet = await rig.fleet({ ...load, groups: 12, messages: 60 });
  await fleet.until(() => fleet.finished, 'all devices done', 30_000);
  expect(await rig.end('SIGTERM')).toEqual({ code: 0, signal: null });
}

/** Starts a process on the same data that must end by itself with code 1; gives what it said. */
async function refusedStart(rig: Rig, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const refusal = await tryStart(rig, env);
  expect(refusal).toContain('the broker ended: {"code":1,"signal":null}');
  return refusal ?? '';
}

/** Starts a process on the same data; gives what it said when it ended by itself, undefined when it ran and was stopped. */
async function tryStart(rig: Rig, env: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  const ports = { MQTT_BIND_PORT: '0', HTTP_BIND_PORT: '0' };
  const start = startBroker({ main: MAIN, dataDir: rig.dataDir, env: { ...rig.env, ...ports, ...env } });
  return start.then(
    async (broker) => {
      await broker[Symbol.asyncDispose]();
      return undefined;
    },
    (error: Error) => error.message,
  );
}

const has = (rig: Rig, event: string): boolean => rig.broker.logs().some((log) => log.event === event);

const digest = (file: string): string => {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return 'missing';
  }
};

function cut(file: string, part: number): void {
  truncateSync(file, Math.floor(readFileSync(file).length * part));
}

function overwriteHead(file: string): void {
  writeFileSync(file, readFileSync(file).fill(0xa5, 0, 16_384));
}
