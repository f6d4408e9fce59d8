import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openEnvironment } from '../../../src/storage/embedded/environment.ts';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { newIdKey } from '../../../src/storage/embedded/keys.ts';
import { exact, register } from '../../conformance/storage/harness.ts';

it('a damaged record is reported when read, and one device’s damage does not stop the writes of others', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-damage-'));
  const logged: object[] = [];
  const log = { info: () => undefined, warn: () => undefined, error: (facts: object) => void logged.push(facts) };
  try {
    const first = await openEmbeddedStorage({ dataDir, sync: false });
    const [hurt, well] = [await register(first), await register(first)];
    await first.close();
    const environment = openEnvironment(join(dataDir, 'store'), false);
    await environment.transaction(() => {
      environment.tables.heads.put(newIdKey(hurt), Buffer.from([1, 0, 0, 0, 200, 1, 2, 3]));
    });
    await environment.close();
    const storage = await openEmbeddedStorage({ dataDir, sync: false, log });
    await expect(storage.telemetry.latest(hurt)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await Promise.all(
      [hurt, well].map((deviceId) => storage.telemetry.save({ entityId: deviceId, ts: 1, values: { a: 1 } })),
    );
    expect(exact(await storage.telemetry.latest(well))).toEqual({ a: '1 1' });
    expect(exact(await storage.telemetry.latest(hurt))).toEqual({ a: '1 1' });
    expect(logged).toEqual([expect.objectContaining({ event: 'store.damaged-record', entity: hurt })]);
    await storage.close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
