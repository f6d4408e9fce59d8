import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openEnvironment } from '../../../src/storage/embedded/environment.ts';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { HEADER_BYTES, openJournal, readMark } from '../../../src/storage/embedded/journal.ts';
import { newIdKey } from '../../../src/storage/embedded/keys.ts';
import { createPacker } from '../../../src/storage/embedded/samples.ts';
import { telemetryCodec } from '../../../src/storage/embedded/telemetry-store.ts';
import { exact, register } from '../../conformance/storage/harness.ts';

it.each([
  ['latest values', Buffer.from([1, 0, 0, 0, 200, 1, 2, 3])],
  ['samples, which go to the history now', Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), Buffer.alloc(1900, 0xff)])],
])('a record whose %s are damaged does not stop the writes of other devices', async (_, damage) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-damage-'));
  const logged: object[] = [];
  const log = { info: () => undefined, warn: () => undefined, error: (facts: object) => void logged.push(facts) };
  try {
    const first = await openEmbeddedStorage({ dataDir, sync: false });
    const [hurt, well] = [await register(first), await register(first)];
    await first.close();
    const environment = openEnvironment(join(dataDir, 'store'), false);
    await environment.transaction(() => environment.tables.heads.put(newIdKey(hurt), damage));
    await environment.close();
    const storage = await openEmbeddedStorage({ dataDir, sync: false, log });
    await Promise.all([hurt, well].map((entityId) => storage.telemetry.save({ entityId, ts: 1, values: { a: 1 } })));
    for (const id of [well, hurt]) expect(exact(await storage.telemetry.latest(id))).toEqual({ a: '1 1' });
    expect(logged).toEqual([expect.objectContaining({ event: 'store.damaged-record', entity: hurt })]);
    await storage.close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

it('records of the journal that cannot be read are told, and the others are in the store after the start', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-damage-'));
  const logged: object[] = [];
  const log = { info: () => undefined, warn: () => undefined, error: (facts: object) => void logged.push(facts) };
  try {
    const first = await openEmbeddedStorage({ dataDir, sync: false });
    const entityId = await register(first);
    await first.close();
    const file = join(dataDir, 'store', 'journal');
    const environment = openEnvironment(join(dataDir, 'store'), false);
    const id = readMark(environment.tables.meta)?.id ?? Buffer.alloc(0);
    await environment.close();
    const journal = openJournal(file, { id, sync: false });
    for (const ts of [1, 2, 3]) {
      const packer = createPacker();
      packer.skip(HEADER_BYTES);
      const values = { n: ts };
      telemetryCodec.pack(packer, { entityId, ts, values, text: JSON.stringify(values), latest: true, history: true });
      await journal.append(packer.bytes(), ts);
    }
    journal.close();
    const fd = openSync(file, 'r+');
    writeSync(fd, 'x', 4096 + HEADER_BYTES);
    closeSync(fd);
    const storage = await openEmbeddedStorage({ dataDir, sync: false, log });
    expect(logged).toEqual([{ event: 'store.damaged-journal', records: 1 }]);
    const query = { entityId, keys: ['n'], startTs: 0, endTs: 9, limit: 9, order: 'ASC' } as const;
    expect((await storage.telemetry.range(query)).get('n')?.map(({ ts }) => ts)).toEqual([1, 3]);
    await storage.close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

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
