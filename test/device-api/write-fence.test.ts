import { describe, expect, it } from 'vitest';
import { createEntityAccess, type EntityParts } from '../../src/device-api/entity-access.ts';
import { WriteFence } from '../../src/device-api/write-fence.ts';
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
      fence.note(attributes.save({ entityId: id, scope: 'SERVER_SCOPE', values, ts: n, onlyOnChange: false }));
      fence.note(telemetry.save({ entityId: id, ts: n, values }));
      expect((await access.readAttributes(of, 'SERVER_SCOPE', ['n'])).get('n')?.value).toBe(n);
      expect((await access.readLatest(of, ['n'])).get('n')?.value).toBe(n);
    }
  });

  it('is open when nothing is under way, and after a write that failed', async () => {
    const fence = new WriteFence();
    expect(fence.passed()).toBeUndefined();
    const failing = Promise.reject(new Error('disk full'));
    fence.note(failing);
    await expect(fence.passed()).resolves.toBeUndefined();
    expect(fence.passed()).toBeUndefined();
  });
});
