import { mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { register } from '../../conformance/storage/harness.ts';
import { canMount, mountSmallDisk } from './mount.ts';

describe('embedded store: a full disk', () => {
  it.skipIf(!canMount()).each([
    ['waits for its commit', 20_000],
    ['is in the journal first', 4_000],
  ])(
    'refuses what it cannot keep, says so, and takes writes again by itself when there is room: what %s (needs root to mount)',
    async (_, bytes) => {
      const disk = mkdtempSync(join(tmpdir(), 'gridmoor-full-'));
      const unmount = mountSmallDisk(disk, 8);
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024));
      const recovered = deferred();
      const log = { info: () => recovered.resolve(), warn: () => undefined, error: () => undefined };
      const dataDir = join(disk, 'data');
      try {
        const storage = await openEmbeddedStorage({ dataDir, log });
        const deviceId = await register(storage);
        const acknowledged: number[] = [];
        const refused: unknown[] = [];
        for (let ts = 0; refused.length < 5; ts++) {
          const values = { n: ts, fill: 'x'.repeat(bytes) };
          await storage.telemetry.save({ entityId: deviceId, ts, values }).then(
            () => acknowledged.push(ts),
            (error: unknown) => refused.push(error),
          );
        }
        expect(refused).toEqual(refused.map(() => expect.objectContaining({ code: 'STORE_UNAVAILABLE' })));
        expect(storage.health()).toMatchObject({ ok: false, problem: expect.stringContaining('No space left') });
        rmSync(ballast);
        await recovered.promise;
        expect(storage.health()).toEqual({ ok: true, pendingWrites: expect.any(Number) });
        await storage.telemetry.save({ entityId: deviceId, ts: -1, values: { n: -1 } });
        await storage.close();
        const again = await openEmbeddedStorage({ dataDir });
        const query = { entityId: deviceId, keys: ['n'], startTs: -9, endTs: 1e6, limit: 1e6, order: 'ASC' } as const;
        const found = (await again.telemetry.range(query)).get('n')?.map(({ value }) => value) ?? [];
        expect(found).toEqual([-1, ...acknowledged]);
        await again.close();
      } finally {
        unmount();
        rmSync(disk, { recursive: true, force: true });
      }
    },
    60_000,
  );

  it.skipIf(!canMount())(
    'a store that is full closes, refuses by name to open, and has all of its journal when there is room (needs root to mount)',
    async () => {
      const disk = mkdtempSync(join(tmpdir(), 'gridmoor-full-'));
      const unmount = mountSmallDisk(disk, 8);
      const dataDir = join(disk, 'data');
      const ballast = join(disk, 'ballast');
      const fill = () => {
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(ballast, Buffer.alloc(bavail * bsize));
      };
      try {
        const storage = await openEmbeddedStorage({ dataDir });
        const entityId = await register(storage);
        fill();
        // More than the pages that are free within the data file take.
        const stamps = Array.from({ length: 100 }, (_, ts) => ts);
        for (const ts of stamps)
          await storage.telemetry.save({ entityId, ts, values: { n: ts, fill: 'x'.repeat(8_000) } });
        await expect(storage.drain()).resolves.toBeUndefined();
        expect(storage.health()).toMatchObject({ ok: false, problem: expect.stringContaining('No space left') });
        await storage.close();
        const refusal = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('No space left') };
        await expect(openEmbeddedStorage({ dataDir })).rejects.toMatchObject(refusal);
        rmSync(ballast);
        const again = await openEmbeddedStorage({ dataDir });
        const query = { entityId, keys: ['n'], startTs: 0, endTs: 1e6, limit: 1e6, order: 'ASC' } as const;
        expect((await again.telemetry.range(query)).get('n')?.map(({ value }) => value)).toEqual(stamps);
        await again.close();
      } finally {
        unmount();
        rmSync(disk, { recursive: true, force: true });
      }
    },
    30_000,
  );

  it.skipIf(!canMount())(
    'without room for a journal it works without one, says so, and leaves the room to data (needs root to mount)',
    async () => {
      const disk = mkdtempSync(join(tmpdir(), 'gridmoor-full-'));
      const unmount = mountSmallDisk(disk, 8);
      const dataDir = join(disk, 'data');
      const warned: object[] = [];
      const log = { info: () => undefined, warn: (facts: object) => void warned.push(facts), error: () => undefined };
      try {
        const first = await openEmbeddedStorage({ dataDir });
        const entityId = await register(first);
        await first.close();
        rmSync(join(dataDir, 'store', 'journal'));
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - 1024 * 1024));
        const storage = await openEmbeddedStorage({ dataDir, log });
        expect(warned).toEqual([{ event: 'store.no-journal', err: expect.objectContaining({ code: 'ENOSPC' }) }]);
        expect(statSync(join(dataDir, 'store', 'journal')).size).toBe(0);
        await storage.telemetry.save({ entityId, ts: 1, values: { n: 1 } });
        expect(storage.health()).toEqual({ ok: true, pendingWrites: 0 });
        await storage.close();
      } finally {
        unmount();
        rmSync(disk, { recursive: true, force: true });
      }
    },
  );
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
