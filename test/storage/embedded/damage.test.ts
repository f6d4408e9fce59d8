import { closeSync, cpSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { type Environment, openEnvironment } from '../../../src/storage/embedded/environment.ts';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { HEADER_BYTES, openJournal, readMark } from '../../../src/storage/embedded/journal.ts';
import { newIdKey } from '../../../src/storage/embedded/keys.ts';
import { createPacker } from '../../../src/storage/embedded/samples.ts';
import { telemetryCodec } from '../../../src/storage/embedded/telemetry-store.ts';
import { exact, register } from '../../conformance/storage/harness.ts';

describe('embedded store: damage', () => {
  const logged: object[] = [];
  const log = { info: () => undefined, warn: () => undefined, error: (facts: object) => void logged.push(facts) };
  let dataDir = '';
  beforeEach(() => {
    logged.length = 0;
    dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-damage-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  /** A store with two devices, closed, and then changed behind its back. */
  async function damaged(change: (environment: Environment, devices: readonly DeviceId[]) => unknown) {
    const first = await openEmbeddedStorage({ dataDir, sync: false });
    const devices = [await register(first), await register(first)] as const;
    await first.close();
    const environment = openEnvironment(join(dataDir, 'store'), false);
    await change(environment, devices);
    await environment.close();
    return { devices, storage: await openEmbeddedStorage({ dataDir, sync: false, log }) };
  }

  it.each([
    ['latest values', Buffer.from([1, 0, 0, 0, 200, 1, 2, 3])],
    ['samples, which go to the history now', Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), Buffer.alloc(1900, 0xff)])],
  ])('a record whose %s are damaged is told, and does not stop the writes of other devices', async (_, head) => {
    const { devices, storage } = await damaged((environment, [hurt = '']) =>
      environment.transaction(() => environment.tables.heads.put(newIdKey(hurt), head)),
    );
    await Promise.all(devices.map((entityId) => storage.telemetry.save({ entityId, ts: 1, values: { a: 1 } })));
    for (const id of devices) expect(exact(await storage.telemetry.latest(id))).toEqual({ a: '1 1' });
    expect(logged).toEqual([expect.objectContaining({ event: 'store.damaged-record', entity: devices[0] })]);
    await storage.close();
  });

  it('a damaged record is reported when read', async () => {
    const { devices, storage } = await damaged((environment, [hurt = '']) =>
      environment.transaction(() =>
        environment.tables.heads.put(newIdKey(hurt), Buffer.from([1, 0, 0, 0, 200, 1, 2, 3])),
      ),
    );
    await expect(storage.telemetry.latest(devices[0])).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await storage.close();
  });

  it('a journal that is missing is no loss after a close, nor is that of a copy; after a death one that was cut is told', async () => {
    const dead = join(dataDir, 'dead');
    const filter = (path: string) => !path.includes('lock');
    const journalOf = (dir: string) => join(dir, 'store', 'journal');
    const first = await openEmbeddedStorage({ dataDir, sync: false, log });
    const entityId = await register(first);
    await first.telemetry.save({ entityId, ts: 1, values: { n: 1 } });
    const copy = join(dataDir, 'copy');
    await first.backup?.(copy);
    await first.close();
    rmSync(journalOf(dataDir));
    for (const dir of [copy, dataDir]) {
      const storage = await openEmbeddedStorage({ dataDir: dir, sync: false, log });
      expect((await storage.telemetry.latest(entityId)).get('n')?.value).toBe(1);
      if (dir === dataDir) cpSync(join(dir, 'store'), join(dead, 'store'), { recursive: true, filter });
      await storage.close();
    }
    expect(logged).toEqual([]);
    truncateSync(journalOf(dead), 5000);
    const storage = await openEmbeddedStorage({ dataDir: dead, sync: false, log });
    expect(logged).toEqual([{ event: 'store.lost-journal', file: journalOf(dead) }]);
    await storage.close();
  });

  it('records of the journal that cannot be read are told, and the others are in the store after the start', async () => {
    const { devices, storage } = await damaged(async (environment, [entityId = '']) => {
      const file = join(dataDir, 'store', 'journal');
      const journal = openJournal(file, { id: readMark(environment.tables.meta)?.id ?? Buffer.alloc(0), sync: false });
      for (const ts of [1, 2, 3]) {
        const packer = createPacker();
        packer.skip(HEADER_BYTES);
        const values = { n: ts };
        telemetryCodec.pack(packer, {
          entityId,
          ts,
          values,
          text: JSON.stringify(values),
          latest: true,
          history: true,
        });
        await journal.append(packer.bytes(), ts);
      }
      journal.close();
      const fd = openSync(file, 'r+');
      writeSync(fd, 'x', 4096 + HEADER_BYTES);
      closeSync(fd);
    });
    expect(logged).toEqual([{ event: 'store.damaged-journal', records: 1 }]);
    const query = { entityId: devices[0], keys: ['n'], startTs: 0, endTs: 9, limit: 9, order: 'ASC' } as const;
    expect((await storage.telemetry.range(query)).get('n')?.map(({ ts }) => ts)).toEqual([1, 3]);
    await storage.close();
  });
});
