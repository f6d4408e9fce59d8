import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { buildChild, type ChildProgram } from './spawn-child.ts';

describe('embedded store: kill -9 under load', () => {
  let program: ChildProgram;
  let dataDir = '';
  beforeAll(async () => {
    program = await buildChild();
    dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-crash-'));
  });
  afterAll(async () => {
    await program.dispose();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('everything that was acknowledged is there, whole and once, at whatever moment the process died', async () => {
    for (const moment of [3, 150, 900, 2500]) {
      const dir = join(dataDir, String(moment));
      const child = program.start('write', dir);
      await child.lines(moment);
      await child.kill();
      const storage = await openEmbeddedStorage({ dataDir: dir });
      await checkAcknowledged(storage, child.said);
      await checkWhole(storage);
      await storage.close();
    }
  }, 60_000);

  it('telemetry that was acknowledged and not yet committed is in the journal, and in the store after the next start', async () => {
    for (const keepJournal of [true, false]) {
      const dir = join(dataDir, `acknowledged-${keepJournal}`);
      const { ids, sent } = await diesAcknowledged(dir);
      if (!keepJournal) rmSync(join(dir, 'store', 'journal'));
      const logged: object[] = [];
      const log = { info: () => undefined, warn: () => undefined, error: (facts: object) => void logged.push(facts) };
      const storage = await openEmbeddedStorage({ dataDir: dir, log });
      const lost = { event: 'store.lost-journal', file: join(dir, 'store', 'journal') };
      expect(logged).toEqual(keepJournal ? [] : [lost]);
      const query = { keys: ['n'], startTs: 0, endTs: 1000, limit: 1000, order: 'ASC' } as const;
      const values = ids.map(async (entityId) => (await storage.telemetry.range({ ...query, entityId })).get('n'));
      const found = (await Promise.all(values)).map((points) => points?.map(({ ts, value }) => `${ts}=${value}`));
      const latest = await Promise.all(ids.map(async (id) => (await storage.telemetry.latest(id)).get('n')?.value));
      // Without it they are gone: the store alone did not have them.
      expect(found).toEqual(ids.map(() => (keepJournal ? sent : undefined)));
      expect(latest).toEqual(ids.map(() => (keepJournal ? 3 : undefined)));
      await storage.close();
      const again = await openEmbeddedStorage({ dataDir: dir });
      const points = (await again.telemetry.range({ ...query, entityId: ids[0] ?? '' })).get('n') ?? [];
      expect(points).toHaveLength(keepJournal ? 3 : 0);
      await again.close();
    }
  }, 60_000);

  /** A process that ends by SIGKILL in the turn in which its last write was acknowledged. */
  async function diesAcknowledged(dir: string): Promise<{ ids: string[]; sent: string[] }> {
    const child = program.start('die', dir);
    await child.heard('dies');
    await child.kill();
    const [line] = child.said.filter((said) => 'dies' in said);
    return { ids: line?.dies as string[], sent: ['1=1', '2=2', '3=3'] };
  }
});

async function checkAcknowledged(storage: Storage, said: readonly Record<string, unknown>[]): Promise<void> {
  const lastSaved = new Map<string, number>();
  for (const line of said) {
    if ('created' in line) expect(await storage.registry.deviceByName(String(line.created))).toBeDefined();
    if ('attached' in line) {
      const id = (await storage.registry.deviceByName(String(line.attached)))?.id as DeviceId;
      expect((await storage.attachments.history(id))[0]?.event).toMatch(/attached|moved-in/);
    }
    if ('saved' in line) lastSaved.set(String(line.saved), Number(line.ts));
  }
  for (const [name, ts] of lastSaved) {
    const deviceId = (await storage.registry.deviceByName(name))?.id as DeviceId;
    const query = { entityId: deviceId, keys: ['n'], startTs: 0, endTs: 1000, limit: 1000, order: 'ASC' } as const;
    const values = (await storage.telemetry.range(query)).get('n')?.map(({ value }) => value) ?? [];
    expect(values.slice(0, ts + 1)).toEqual(Array.from({ length: ts + 1 }, (_, i) => i));
    expect((await storage.telemetry.latest(deviceId)).get('n')?.value).toBe(values.at(-1));
  }
}

/** No half step is to be seen: a device has all of its parts, a supply point one holder. */
async function checkWhole(storage: Storage): Promise<void> {
  const devices = await storage.registry.devices({ page: 0, pageSize: 10_000 });
  expect(await storage.registry.deviceCount('p')).toBe(devices.data.length);
  for (const device of devices.data) {
    expect((await storage.registry.credentials(`index-${device.name}`))?.deviceId).toBe(device.id);
    expect((await storage.attributes.read(device.id, 'SERVER_SCOPE')).get('from')?.value).toBe(device.name);
    const attachment = await storage.attachments.attachment(device.id);
    const relations = await storage.assets.relationsTo({ entityType: 'DEVICE', id: device.id });
    expect(relations).toHaveLength(attachment === undefined ? 0 : 2);
  }
  for (let worker = 0; worker < 20; worker++) {
    const held = await storage.attachments.attachments({ supplyPointHash: `point-${worker}`, page: 0, pageSize: 9 });
    expect(held.totalElements).toBeLessThanOrEqual(1);
  }
}
