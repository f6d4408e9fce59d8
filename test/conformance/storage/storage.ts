import { describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { benchFor, exact, type MakeStore, newDevice, register } from './harness.ts';

export function wholeStorageConformance(name: string, make: MakeStore): void {
  describe(`${name}: the store as a whole`, () => {
    const bench = benchFor(make);

    it('writes of different ports are applied in call order', async () => {
      const { storage } = bench;
      const entry = newDevice();
      const id = entry.device.id;
      const early = storage.telemetry.save({ entityId: id, ts: 1, values: { early: 1 } });
      const created = storage.registry.createDevice(entry);
      const late = storage.telemetry.save({ entityId: id, ts: 1, values: { late: 1 } });
      const attribute = storage.attributes.save({
        entityId: id,
        scope: 'CLIENT_SCOPE',
        values: { a: 1 },
        ts: 1,
        onlyOnChange: false,
      });
      await Promise.all([early, created, late, attribute]);
      expect(exact(await storage.telemetry.latest(id))).toEqual({ late: '1 1' });
      expect(await attribute).toEqual(['a']);
    });

    it('drain resolves when every write called before has settled', async () => {
      const { storage } = bench;
      const id = await register(storage);
      let settled = 0;
      for (let i = 0; i < 500; i++) {
        const done = () => settled++;
        storage.telemetry.save({ entityId: id, ts: i, values: { a: i } }).then(done, done);
        storage.audit.append({ at: i, action: 'a', by: 'b', subject: 's', outcome: 'o' }).then(done, done);
      }
      expect(storage.health().pendingWrites).toBeGreaterThan(0);
      await storage.drain();
      expect(settled).toBe(1000);
      expect(storage.health()).toMatchObject({ ok: true, pendingWrites: 0 });
    });

    it('close keeps what was called before and rejects what comes after with SHUTTING_DOWN', async () => {
      const { storage } = bench;
      const id = await register(storage);
      const last = storage.telemetry.save({ entityId: id, ts: 1, values: { a: 1 } });
      const closed = storage.close();
      await expect(storage.telemetry.save({ entityId: id, ts: 2, values: { a: 2 } })).rejects.toMatchObject({
        code: 'SHUTTING_DOWN',
      });
      await expect(storage.registry.createDevice(newDevice())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
      await expect(storage.settings.put('a', 'b')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
      await last;
      await closed;
      await bench.reopen();
      expect(exact(await bench.storage.telemetry.latest(id))).toEqual({ a: '1 1' });
    });

    it('close twice is one close', async () => {
      await Promise.all([bench.storage.close(), bench.storage.close()]);
      await bench.storage.close();
      await bench.reopen();
    });

    it('every write that has resolved is there after a reopen', async () => {
      const { storage } = bench;
      const ids = await Promise.all(Array.from({ length: 20 }, () => register(storage)));
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          ids.map((deviceId) => storage.telemetry.save({ entityId: deviceId, ts: round, values: { round } })),
        );
      }
      await bench.reopen();
      const last = async (id: DeviceId) => (await bench.storage.telemetry.latest(id)).get('round')?.value;
      expect(await Promise.all(ids.map(last))).toEqual(ids.map(() => 9));
    });
  });
}
