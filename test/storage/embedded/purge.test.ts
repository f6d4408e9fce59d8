import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { type Environment, openEnvironment } from '../../../src/storage/embedded/environment.ts';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { newIdKey, prefixEnd } from '../../../src/storage/embedded/keys.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { newDevice, register } from '../../conformance/storage/harness.ts';

const RECORDS = 4500;

describe('embedded store: the history of a deleted device', () => {
  let dataDir = '';
  let storage: Storage;
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-purge-'));
    storage = await openEmbeddedStorage({ dataDir, sync: false });
  });
  afterEach(async () => {
    await storage.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** A device with one history record per hour. */
  async function longHistory(): Promise<DeviceId> {
    const id = await register(storage);
    for (let hour = 0; hour < RECORDS; hour++) {
      void storage.telemetry.save({ entityId: id, ts: hour * 3_600_000, values: { a: hour } });
    }
    await storage.drain();
    return id;
  }

  /** Looks at the closed store directly. */
  async function inspect<T>(look: (environment: Environment) => T): Promise<T> {
    await storage.close();
    const environment = openEnvironment(join(dataDir, 'store'), false);
    const seen = look(environment);
    await environment.close();
    return seen;
  }

  it('is unreachable at once and physically gone after drain', async () => {
    const id = await longHistory();
    const other = await longHistory();
    await storage.registry.deleteDevice(id, 1, 'test');
    await storage.drain();
    const left = await inspect(({ tables }) => ({
      gone: tables.history.count({ from: newIdKey(id), to: prefixEnd(newIdKey(id)) }),
      kept: tables.history.count({ from: newIdKey(other), to: prefixEnd(newIdKey(other)) }),
      notes: tables.purges.count({ from: Buffer.from([0]), to: Buffer.alloc(17, 0xff) }),
    }));
    expect(left).toEqual({ gone: 0, kept: RECORDS - 1 + 1, notes: 0 });
  });

  it('a removal that was interrupted goes on at the next start', async () => {
    const id = await longHistory();
    const key = newIdKey(id);
    await inspect(async (environment) => {
      await environment.transaction(() => environment.tables.purges.put(key, Buffer.alloc(0)));
    });
    storage = await openEmbeddedStorage({ dataDir, sync: false });
    await storage.drain();
    const left = await inspect(({ tables }) => tables.history.count({ from: key, to: prefixEnd(key) }));
    expect(left).toBe(0);
  });

  it('a new device with the id of a deleted one inherits nothing', async () => {
    const id = await longHistory();
    const deletion = storage.registry.deleteDevice(id, 1, 'test');
    const created = storage.registry.createDevice(newDevice({ id }));
    await deletion;
    expect(await created).toEqual({ kind: 'created' });
    const query = { entityId: id, keys: ['a'], startTs: 0, endTs: 1e15, limit: 100, order: 'ASC' } as const;
    expect((await storage.telemetry.range(query)).size).toBe(0);
    for (let ts = 0; ts < 30; ts++) {
      await storage.telemetry.save({ entityId: id, ts, values: { a: ts, fill: 'x'.repeat(200) } });
    }
    await storage.drain();
    expect((await storage.telemetry.range(query)).get('a')).toHaveLength(30);
  });
});
