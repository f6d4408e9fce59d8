import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createDeviceFiles } from '../../src/device-api/device-files.ts';
import { newDeviceId } from '../../src/model/ids.ts';
import { openRedisStorage } from '../../src/storage/redis/index.ts';
import { startRedis } from '../helpers/redis.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const RULES = { maxKb: 1024, max: 2, days: 1 };
const DAY_MS = 86_400_000;

async function inRooms(kind: 'embedded' | 'redis', run: (rooms: Rooms) => Promise<void>): Promise<void> {
  await using rooms = await openRooms();
  if (kind === 'embedded') {
    await run(rooms);
    return;
  }
  await using redis = await startRedis();
  const connection = { target: { kind: 'standalone', host: redis.host, port: redis.port } } as const;
  const storage = await openRedisStorage({ connection });
  try {
    await run({ ...rooms, storage });
  } finally {
    await storage.close();
  }
}

describe.each(['embedded', 'redis'] as const)('files of devices in the %s store', (kind) => {
  it('of a megabyte come back byte for byte, until their days are over', () =>
    inRooms(kind, async ({ storage: { documents }, hash, clock }) => {
      const files = createDeviceFiles({ documents, hash, clock });
      const [id, other] = [newDeviceId(clock.now()), newDeviceId(clock.now())];
      const bytes = randomBytes(1024 * 1024);
      const stored = await files.put(
        id,
        [
          { name: 'a.JPG', bytes },
          { name: 'empty', bytes: Buffer.alloc(0) },
        ],
        RULES,
      );
      if (stored === 'full') throw new Error('full');
      const [photo, empty] = stored.map(({ uri }) => uri);
      expect(photo).toMatch(/\.JPG$/);
      expect((await files.read(id, photo ?? ''))?.bytes.equals(bytes)).toBe(true);
      expect((await files.read(id, empty ?? ''))?.bytes.length).toBe(0);
      expect(await files.read(other, photo ?? '')).toBeUndefined();
      expect((await files.list(id)).map(({ name, size }) => [name, size]).sort()).toEqual([
        ['a.JPG', bytes.length],
        ['empty', 0],
      ]);
      expect(await files.list(other)).toEqual([]);
      const link = files.link(id, photo ?? '').slice('/file/'.length);
      expect((await files.findByLink(link))?.file.name).toBe('a.JPG');
      for (const wrong of ['', 'x', `${link}x`, 'y'.repeat(2000), hash.seal('["file-link",7]'), hash.seal('{}')]) {
        expect(await files.findByLink(wrong)).toBeUndefined();
      }
      clock.set(clock.now() + DAY_MS);
      expect(await files.read(id, photo ?? '')).toBeUndefined();
      expect(await files.list(id)).toEqual([]);
      expect(await files.findByLink(link)).toBeUndefined();
      expect(await files.remove(id, photo ?? '')).toBe(false);
    }));

  it('are as many as the profile allows, also when they come at once', () =>
    inRooms(kind, async ({ storage: { documents }, hash, clock }) => {
      const files = createDeviceFiles({ documents, hash, clock });
      const id = newDeviceId(clock.now());
      const one = [{ name: 'a', bytes: Buffer.from('x') }];
      const results = await Promise.all([1, 2, 3, 4].map(() => files.put(id, one, RULES)));
      expect(results.filter((result) => result === 'full')).toHaveLength(2);
      const [first] = await files.list(id);
      expect(await files.remove(id, first?.uri ?? '')).toBe(true);
      expect(await files.put(id, one, RULES)).not.toBe('full');
      expect(await files.put(id, [...one, ...one], RULES)).toBe('full');
    }));

  it('go with their device, and those of another stay', () =>
    inRooms(kind, async ({ storage: { documents }, hash, clock }) => {
      const files = createDeviceFiles({ documents, hash, clock });
      const [id, other] = [newDeviceId(clock.now()), newDeviceId(clock.now())];
      const one = [{ name: 'a', bytes: Buffer.alloc(400_000) }];
      await Promise.all([id, id, other].map((each) => files.put(each, one, RULES)));
      await files.forget(id);
      expect(await files.list(id)).toEqual([]);
      expect((await documents.list('device-file-block', { prefix: `${id}/`, limit: 9, now: clock.now() })).length).toBe(
        0,
      );
      const [kept] = await files.list(other);
      expect((await files.read(other, kept?.uri ?? ''))?.bytes.length).toBe(400_000);
      await files.forget(id);
    }));
});
