import { describe, expect, it } from 'vitest';
import { createEntityAccess, type EntityParts } from '../../src/device-api/entity-access.ts';
import { WriteFence } from '../../src/device-api/write-fence.ts';
import { withResolvers } from '../helpers/promises.ts';
import { openRooms } from '../helpers/rooms.ts';

describe('write fence', () => {
  it('a read sees every write that was called before it, also those that are not durable yet', async () => {
    await using rooms = await openRooms();
    const { storage, registry } = rooms;
    const made = await registry.create({ name: 'm', profile: 'default', by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    const { id } = made.device;
    const of = { entityType: 'DEVICE', id } as const;
    const fence = new WriteFence();
    const { attributes, telemetry } = storage;
    const access = createEntityAccess({ attributes, telemetry, fence } as unknown as EntityParts);
    for (let n = 0; n < 20; n++) {
      const values = { n };
      fence.note(id, attributes.save({ entityId: id, scope: 'SERVER_SCOPE', values, ts: n, onlyOnChange: false }));
      fence.note(id, telemetry.save({ entityId: id, ts: n, values }));
      expect((await access.readAttributes(of, 'SERVER_SCOPE', ['n'])).get('n')?.value).toBe(n);
      expect((await access.readLatest(of, ['n'])).get('n')?.value).toBe(n);
    }
  });

  it('waits for all writes of the entity, whichever settles first, and for those of no other', async () => {
    const fence = new WriteFence();
    const [slow, quick, other] = [withResolvers(), withResolvers(), withResolvers()];
    fence.note('a', slow.promise);
    fence.note('a', quick.promise);
    fence.note('b', slow.promise);
    fence.note('d', quick.promise);
    fence.note('d', slow.promise);
    fence.note('c', other.promise);
    const seen: string[] = [];
    const reads = ['a', 'b', 'c', 'd'].map((id) => fence.passed(id)?.then(() => seen.push(id)));
    other.resolve();
    await reads[2];
    quick.resolve();
    await new Promise(setImmediate);
    expect(seen).toEqual(['c']);
    expect(fence.passed('c')).toBeUndefined();
    expect([fence.passed('a'), fence.passed('d')]).toEqual([expect.any(Promise), expect.any(Promise)]);
    slow.resolve();
    await Promise.all(reads);
    await new Promise(setImmediate);
    expect(['a', 'b', 'c', 'd'].filter((id) => fence.passed(id) !== undefined)).toEqual([]);
  });

  it('keeps what is under way when it forgets thousands of others, also one that is written to again', async () => {
    const fence = new WriteFence();
    const [kept, again] = [withResolvers(), withResolvers()];
    fence.note('kept', kept.promise);
    for (let round = 0; round < 3; round++) {
      const write = Promise.resolve();
      for (let n = 0; n < 1500; n++) fence.note(`${round}-${n}`, write);
      fence.note('again', write);
      await new Promise(setImmediate);
      expect(fence.passed(`${round}-7`)).toBeUndefined();
    }
    fence.note('again', again.promise);
    expect([fence.passed('kept'), fence.passed('again')]).toEqual([expect.any(Promise), expect.any(Promise)]);
    expect(fence.size).toBeLessThan(2100);
    again.resolve();
    kept.resolve();
    await new Promise(setImmediate);
    expect([fence.passed('kept'), fence.passed('again')]).toEqual([undefined, undefined]);
  });

  it('keeps the places of entities that are written to again and again', async () => {
    const fence = new WriteFence();
    for (let round = 0; round < 3; round++) {
      const write = Promise.resolve();
      for (let n = 0; n < 500; n++) fence.note(String(n), write);
      await new Promise(setImmediate);
    }
    expect(fence.size).toBe(500);
  });

  it('is open when nothing is under way, and after a write that failed', async () => {
    const fence = new WriteFence();
    expect(fence.passed('a')).toBeUndefined();
    const failing = Promise.reject(new Error('disk full'));
    fence.note('a', failing);
    await expect(fence.passed('a')).resolves.toBeUndefined();
    expect(fence.passed('a')).toBeUndefined();
  });
});
