import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { exact, register } from '../../conformance/storage/harness.ts';

it('a backup made under load opens as a store of its own, with everything acknowledged before and later writes on top', async () => {
  const base = mkdtempSync(join(tmpdir(), 'gridmoor-backup-'));
  const target = join(base, 'copy');
  try {
    const storage = await openEmbeddedStorage({ dataDir: join(base, 'data'), sync: false });
    const id = await register(storage, { name: 'kept' });
    const gone = await register(storage, { name: 'gone' });
    for (let ts = 0; ts < 100; ts++)
      await storage.telemetry.save({ entityId: id, ts, values: { a: ts, fill: 'x'.repeat(90) } });
    await storage.registry.deleteDevice(gone, 1, 'test');
    const backup = storage.backup?.(target);
    for (let ts = 100; ts < 200; ts++) void storage.telemetry.save({ entityId: id, ts, values: { a: ts } });
    await backup;
    await expect(storage.backup?.(target)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await storage.close();
    expect(statSync(join(target, 'store', 'data.mdb')).mode & 0o777).toBe(0o600);
    const copy = await openEmbeddedStorage({ dataDir: target, sync: false });
    expect(await copy.registry.deviceByName('gone')).toBeUndefined();
    const query = { entityId: id, keys: ['a'], startTs: 0, endTs: 100, limit: 1000, order: 'ASC' } as const;
    expect((await copy.telemetry.range(query)).get('a')).toHaveLength(100);
    await copy.telemetry.save({ entityId: id, ts: 99, values: { a: 'later' } });
    expect((await copy.telemetry.range(query)).get('a')?.at(-1)).toEqual({ ts: 99, value: 'later' });
    await copy.telemetry.save({ entityId: id, ts: 1000, values: { a: 'newest' } });
    expect(exact(await copy.telemetry.latest(id, ['a']))).toEqual({ a: '1000 "newest"' });
    await copy.close();
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
