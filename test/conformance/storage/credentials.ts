import { describe, expect, it } from 'vitest';
import type { StoredCredentials } from '../../../src/model/device.ts';
import { benchFor, credentialsOf, type MakeStore, newDevice } from './harness.ts';

export function credentialsConformance(name: string, make: MakeStore): void {
  describe(`${name}: present and former credentials`, () => {
    const bench = benchFor(make);
    const registry = () => bench.storage.registry;
    const created = async (change: Partial<StoredCredentials> = {}) => {
      const { device } = newDevice();
      const credentials = credentialsOf(device, change);
      await registry().createDevice({ device, credentials, serverAttributes: {} });
      const next = (index: string, more: Partial<StoredCredentials> = {}) => credentialsOf(device, { index, ...more });
      return { device, id: device.id, first: credentials, next };
    };

    it('with an end both are found; the former ones carry it, without what was sealed', async () => {
      const { id, first, next } = await created({ sealed: 'sealed' });
      expect(await registry().replaceCredentials(next('second'), 5_000)).toBe('replaced');
      const { sealed: _, ...kept } = first;
      const former = { ...kept, expiresAt: 5_000 };
      expect(await registry().credentials(first.index)).toEqual(former);
      expect(await registry().formerCredentialsOf(id)).toEqual(former);
      expect(await registry().credentials('second')).toEqual(next('second'));
      expect(await registry().credentialsOf(id)).toEqual(next('second'));
    });

    it('an end of their own that is earlier stays', async () => {
      const { id, next } = await created({ expiresAt: 3_000 });
      await registry().replaceCredentials(next('second'), 5_000);
      expect((await registry().formerCredentialsOf(id))?.expiresAt).toBe(3_000);
    });

    it('a device has two at most: older former ones stop working', async () => {
      const { id, first, next } = await created();
      await registry().replaceCredentials(next('second'), 5_000);
      await registry().replaceCredentials(next('third'), 6_000);
      expect(await registry().credentials(first.index)).toBeUndefined();
      expect((await registry().credentials('second'))?.expiresAt).toBe(6_000);
      await registry().replaceCredentials(next('fourth'));
      expect(await registry().credentials('second')).toBeUndefined();
      expect(await registry().credentials('third')).toBeUndefined();
      expect(await registry().formerCredentialsOf(id)).toBeUndefined();
    });

    it('former credentials may become the present ones again', async () => {
      const { id, first, next } = await created();
      await registry().replaceCredentials(next('second'), 5_000);
      expect(await registry().replaceCredentials(first, 6_000)).toBe('replaced');
      expect(await registry().credentials(first.index)).toEqual(first);
      expect((await registry().formerCredentialsOf(id))?.index).toBe('second');
    });

    it('former credentials belong to nobody else, until they go', async () => {
      const { id, first, next } = await created();
      await registry().replaceCredentials(next('second'), 5_000);
      const other = newDevice();
      const stolen = { ...other, credentials: { ...other.credentials, index: first.index } };
      expect(await registry().createDevice(stolen)).toEqual({ kind: 'credentials-taken' });
      expect(await registry().endCredentials(id, 'former', 2_000)).toBe(true);
      expect(await registry().credentials(first.index)).toBeUndefined();
      expect(await registry().createDevice(stolen)).toEqual({ kind: 'created' });
    });

    it('all end at once: the former ones are gone, the present ones stand with their end', async () => {
      const { id, first, next } = await created();
      await registry().replaceCredentials(next('second'), 5_000);
      expect(await registry().endCredentials(id, 'all', 2_000)).toBe(true);
      expect(await registry().credentials(first.index)).toBeUndefined();
      expect(await registry().credentials('second')).toEqual(next('second', { expiresAt: 2_000 }));
      expect(await registry().endCredentials(id, 'all', 3_000)).toBe(false);
      expect((await registry().credentialsOf(id))?.expiresAt).toBe(2_000);
      expect(await registry().endCredentials(newDevice().device.id, 'all', 1)).toBe(false);
    });

    it('those of no index are none, whatever is read in vain', async () => {
      const { id, first } = await created();
      expect(await registry().credentials('unknown', id)).toBeUndefined();
      expect(await registry().credentials('unknown', newDevice().device.id)).toBeUndefined();
      expect(await registry().credentials(first.index, newDevice().device.id)).toEqual(first);
    });

    it('both go with the device', async () => {
      const { id, first, next } = await created();
      await registry().replaceCredentials(next('second'), 5_000);
      await registry().deleteDevice(id, 1, 'test');
      expect(await registry().credentials(first.index)).toBeUndefined();
      expect(await registry().credentials('second')).toBeUndefined();
      expect(await registry().formerCredentialsOf(id)).toBeUndefined();
    });
  });
}
