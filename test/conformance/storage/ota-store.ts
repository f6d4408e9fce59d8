import { describe, expect, it } from 'vitest';
import { type DeviceId, newDeviceId, newOtaPackageId, type OtaPackageId } from '../../../src/model/ids.ts';
import type { OtaContent, OtaPackage } from '../../../src/model/ota.ts';
import { OTA_BLOCK_BYTES } from '../../../src/storage/ota-store.ts';
import { benchFor, type MakeStore, register } from './harness.ts';

let count = 0;

function aPackage(change: Partial<OtaPackage> = {}): OtaPackage {
  const createdAt = 1_700_000_000_000 + ++count;
  return { id: newOtaPackageId(createdAt), kind: 'firmware', title: 'fw', version: `1.${count}`, createdAt, ...change };
}

const content = (size: number): OtaContent => ({
  fileName: 'fw.bin',
  contentType: 'application/octet-stream',
  size,
  checksumAlgorithm: 'SHA256',
  checksum: '00',
});

/** Bytes that differ everywhere. */
const bytesOf = (size: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: size }, (_, at) => (at * 7) ^ (at >> 8)));

export function otaConformance(name: string, make: MakeStore): void {
  describe(`${name}: firmware and software packages`, () => {
    const bench = benchFor(make);
    const ota = () => bench.storage.ota;
    const created = async (change: Partial<OtaPackage> = {}): Promise<OtaPackageId> => {
      const entry = aPackage(change);
      expect(await ota().create(entry)).toBe('created');
      return entry.id;
    };
    const upload = async (id: OtaPackageId, bytes: Buffer): Promise<void> => {
      expect(await ota().beginContent(id)).toBe(true);
      for (let at = 0; at * OTA_BLOCK_BYTES < bytes.length; at++) {
        await ota().putBlock(id, at, bytes.subarray(at * OTA_BLOCK_BYTES, (at + 1) * OTA_BLOCK_BYTES));
      }
      expect(await ota().finishContent(id, content(bytes.length))).toBe(true);
    };

    it('title and version are taken once a kind', async () => {
      await created({ title: 'a', version: '1' });
      expect(await ota().create(aPackage({ title: 'a', version: '1' }))).toBe('taken');
      await created({ title: 'a', version: '1', kind: 'software' });
      await created({ title: 'a', version: '2' });
    });

    it('lists in the order of creation, by kind and by a part of the title', async () => {
      await created({ title: 'Meter', version: '1' });
      await created({ title: 'inverter', version: '1' });
      await created({ title: 'Meter', version: '1', kind: 'software' });
      const titles = async (query: { kind?: 'firmware'; textSearch?: string }) =>
        (await ota().packages({ page: 0, pageSize: 9, ...query })).data.map(({ kind, title }) => `${kind} ${title}`);
      expect(await titles({})).toEqual(['firmware Meter', 'firmware inverter', 'software Meter']);
      expect(await titles({ kind: 'firmware', textSearch: 'METER' })).toEqual(['firmware Meter']);
      expect(await ota().packages({ page: 1, pageSize: 2 })).toMatchObject({ totalElements: 3, hasNext: false });
    });

    it('content is read from any offset over block borders, and ends where it ends', async () => {
      const bytes = bytesOf(2 * OTA_BLOCK_BYTES + 100);
      const id = await created();
      await upload(id, bytes);
      const ranges: readonly (readonly [number, number])[] = [
        [0, bytes.length],
        [0, 10],
        [OTA_BLOCK_BYTES - 3, 6],
        [OTA_BLOCK_BYTES - 3, OTA_BLOCK_BYTES + 10],
        [bytes.length - 5, 50],
        [bytes.length, 4],
        [bytes.length + 1, 4],
      ];
      for (const [offset, length] of ranges) {
        const read = await ota().read(id, offset, length);
        expect(read?.equals(bytes.subarray(offset, offset + length)), `${offset}+${length}`).toBe(true);
      }
      await bench.reopen();
      expect((await ota().read(id, 1, bytes.length))?.equals(bytes.subarray(1))).toBe(true);
    });

    it('an upload under way cannot be read, and a new one begins without its blocks', async () => {
      const id = await created();
      expect(await ota().beginContent(id)).toBe(true);
      await ota().putBlock(id, 0, bytesOf(10));
      await ota().putBlock(id, 1, bytesOf(10));
      expect(await ota().read(id, 0, 4)).toBeUndefined();
      await upload(id, bytesOf(4));
      expect((await ota().read(id, 0, 100_000))?.length).toBe(4);
    });

    it('content never changes once it is there', async () => {
      const id = await created();
      await upload(id, bytesOf(4));
      expect(await ota().beginContent(id)).toBe(false);
      await ota().putBlock(id, 0, Buffer.from('other'));
      expect(await ota().finishContent(id, content(5))).toBe(false);
      expect(await ota().read(id, 0, 9)).toEqual(bytesOf(4));
      expect((await ota().package(id))?.content?.size).toBe(4);
    });

    it('a package that a device or a profile has is not removed', async () => {
      const device = await register(bench.storage);
      const id = await created();
      await ota().assignDevice(device, 'firmware', id);
      expect(await ota().remove(id)).toBe('in-use');
      await ota().assignProfile('meter', 'firmware', id);
      await ota().assignDevice(device, 'firmware', undefined);
      expect(await ota().remove(id)).toBe('in-use');
      await ota().assignProfile('meter', 'firmware', undefined);
      expect(await ota().remove(id)).toBe('removed');
      expect(await ota().remove(id)).toBe('unknown');
      expect(await ota().package(id)).toBeUndefined();
    });

    it('a removed package frees title, version and content', async () => {
      const id = await created({ title: 'a', version: '1' });
      await upload(id, bytesOf(4));
      await ota().remove(id);
      expect(await ota().read(id, 0, 4)).toBeUndefined();
      await created({ title: 'a', version: '1' });
    });

    it('what a device has and what it was told are kept apart', async () => {
      const device = await register(bench.storage);
      const [one, two] = [await created(), await created()];
      const soft = await created({ kind: 'software' });
      await ota().assignDevice(device, 'firmware', one);
      await ota().assignDevice(device, 'software', soft);
      await ota().announced(device, 'firmware', one);
      await ota().assignDevice(device, 'firmware', two);
      expect(await ota().device(device)).toEqual({
        deviceId: device,
        assigned: { firmware: two, software: soft },
        announced: { firmware: one },
      });
      expect(await ota().remove(one)).toBe('removed');
    });

    it('a package of another kind, an unknown one and an unknown device are refused', async () => {
      const device = await register(bench.storage);
      const soft = await created({ kind: 'software' });
      const nobody = newDeviceId(1);
      expect(await ota().assignDevice(device, 'firmware', soft)).toBe('unknown');
      expect(await ota().assignDevice(device, 'firmware', newOtaPackageId(1))).toBe('unknown');
      expect(await ota().assignDevice(nobody, 'software', soft)).toBe('unknown');
      expect(await ota().assignProfile('meter', 'firmware', soft)).toBe('unknown');
      await ota().announced(nobody, 'software', soft);
      expect(await ota().device(nobody)).toEqual({ deviceId: nobody, assigned: {}, announced: {} });
      expect((await ota().device('nothing' as DeviceId)).assigned).toEqual({});
    });

    it('a deleted device has nothing, and its package is free', async () => {
      const device = await register(bench.storage);
      const id = await created();
      await ota().assignDevice(device, 'firmware', id);
      await bench.storage.registry.deleteDevice(device, 2, 'test');
      expect((await ota().device(device)).assigned).toEqual({});
      expect(await ota().remove(id)).toBe('removed');
    });

    it('a profile is pending until its devices were told of what it has now', async () => {
      const [one, two] = [await created(), await created()];
      await ota().assignProfile('meter', 'firmware', one);
      expect(await ota().profile('meter')).toEqual({ profile: 'meter', assigned: { firmware: one }, pending: true });
      await ota().assignProfile('meter', 'firmware', two);
      await ota().profileDone('meter', { firmware: one });
      expect((await ota().profile('meter'))?.pending).toBe(true);
      await ota().profileDone('meter', { firmware: two });
      expect((await ota().profile('meter'))?.pending).toBe(false);
      await ota().assignProfile('meter', 'firmware', undefined);
      expect(await ota().profiles()).toEqual([{ profile: 'meter', assigned: {}, pending: true }]);
      await ota().profileDone('meter', {});
      expect(await ota().profiles()).toEqual([]);
      expect(await ota().profile('meter')).toBeUndefined();
    });
  });
}
