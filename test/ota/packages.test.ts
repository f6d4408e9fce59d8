import { describe, expect, it } from 'vitest';
import { createOtaPackages } from '../../src/ota/packages.ts';
import { openRooms } from '../helpers/rooms.ts';

async function* pieces(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield Buffer.alloc(size, 7);
}

const about = () => ({ fileName: 'fw.bin', contentType: 'application/octet-stream' });

describe('packages', () => {
  const open = async (maxBytes = 1_000_000) => {
    const rooms = await openRooms();
    const { storage, clock } = rooms;
    const packages = createOtaPackages({ store: storage.ota, audit: storage.audit, clock, maxBytes });
    const { id } = await packages.create({ kind: 'firmware', title: 'fw', version: '1' }, 'test');
    return { rooms, packages, id, [Symbol.asyncDispose]: () => rooms[Symbol.asyncDispose]() };
  };

  it('pieces of any size become blocks, in order', async () => {
    await using one = await open();
    const sizes = [1, 70_000, 65_535, 3, 200_000, 0, 65_536];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const stored = await one.packages.upload(one.id, { algorithm: 'CRC32', pieces: pieces(...sizes), about }, 'test');
    expect(stored.content?.size).toBe(total);
    expect((await one.packages.read(one.id, 0, total))?.equals(Buffer.alloc(total, 7))).toBe(true);
  });

  it('more bytes than a package may have are refused, and nothing is kept', async () => {
    await using one = await open(100_000);
    const upload = { algorithm: 'MD5', pieces: pieces(60_000, 40_001), about } as const;
    await expect(one.packages.upload(one.id, upload, 'test')).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect((await one.packages.package(one.id))?.content).toBeUndefined();
    const exact = { algorithm: 'MD5', pieces: pieces(60_000, 40_000), about } as const;
    expect((await one.packages.upload(one.id, exact, 'test')).content?.size).toBe(100_000);
  });

  it('one of the same title and version is refused, and told of when it has no content', async () => {
    await using one = await open();
    const again = () => one.packages.create({ kind: 'firmware', title: 'fw', version: '1' }, 'test');
    await expect(again()).rejects.toMatchObject({
      code: 'NAME_TAKEN',
      message: expect.stringContaining(`has no content: unless an upload of it is under way, delete ${one.id} first`),
    });
    await one.packages.upload(one.id, { algorithm: 'MD5', pieces: pieces(1), about }, 'test');
    await expect(again()).rejects.toMatchObject({
      code: 'NAME_TAKEN',
      message: expect.not.stringContaining('content'),
    });
  });

  it('two uploads at once to one package: the second is refused', async () => {
    await using one = await open();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a');
      await gate;
    }
    const first = one.packages.upload(one.id, { algorithm: 'MD5', pieces: slow(), about }, 'test');
    const second = { algorithm: 'MD5', pieces: pieces(3), about } as const;
    await expect(one.packages.upload(one.id, second, 'test')).rejects.toThrow('under way');
    release();
    expect((await first).content?.size).toBe(1);
  });

  it('a source that breaks off leaves no content, and the next upload succeeds', async () => {
    await using one = await open();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(200_000);
      throw new Error('the peer went away');
    }
    const upload = { algorithm: 'MD5', pieces: broken(), about } as const;
    await expect(one.packages.upload(one.id, upload, 'test')).rejects.toThrow('went away');
    const next = await one.packages.upload(one.id, { algorithm: 'MD5', pieces: pieces(5), about }, 'test');
    expect(next.content?.size).toBe(5);
  });
});
