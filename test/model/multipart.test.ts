import { describe, expect, it } from 'vitest';
import { boundaryOf, readMultipart } from '../../src/model/multipart.ts';

const FORM = [
  '--xyz',
  'Content-Disposition: form-data; name="checksum"',
  '',
  'abc',
  '--xyz',
  'Content-Disposition: form-data; name="file"; filename="fw.bin"',
  'Content-Type: application/x-thing',
  '',
  'one\r\n--xy\r\n--xyztwo',
  '--xyz',
  'Content-Disposition: form-data; name="empty"',
  '',
  '',
  '--xyz--',
  'epilogue',
].join('\r\n');

async function read(form: string, piece: number, boundary = 'xyz'): Promise<string[]> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < form.length; at += piece) yield Buffer.from(form.slice(at, at + piece), 'latin1');
  }
  const parts: string[] = [];
  for await (const event of readMultipart(pieces(), boundary)) {
    if (event.kind === 'part') parts.push(`${event.name},${event.fileName},${event.contentType}:`);
    else parts[parts.length - 1] += event.bytes.toString('latin1');
  }
  return parts;
}

describe('multipart', () => {
  it('reads parts however the body is cut', async () => {
    const form = FORM.replace('--xyztwo', '--xy.two');
    for (const piece of [1, 2, 3, 5, 7, 50, 10_000]) {
      expect(await read(form, piece), String(piece)).toEqual([
        'checksum,undefined,undefined:abc',
        'file,fw.bin,application/x-thing:one\r\n--xy\r\n--xy.two',
        'empty,undefined,undefined:',
      ]);
    }
  });

  it.each([
    ['--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\nbody', 'the body ends before its last boundary'],
    ['', 'the body ends before its last boundary'],
    ['--xyz\r\nX: y\r\n\r\nbody\r\n--xyz--', 'a part has no name'],
    [`--xyz\r\n${'x'.repeat(10_000)}`, 'a part has too many headers'],
  ])('a broken form is refused: %#', async (form, problem) => {
    await expect(read(form, 4_096)).rejects.toThrow(problem);
  });

  it('finds the boundary, quoted or not', () => {
    expect(boundaryOf('multipart/form-data; boundary=abc')).toBe('abc');
    expect(boundaryOf('Multipart/Form-Data; charset=x; boundary="a b"')).toBe('a b');
    expect(boundaryOf('application/json; boundary=abc')).toBeUndefined();
    expect(boundaryOf('multipart/form-data')).toBeUndefined();
    expect(boundaryOf(undefined)).toBeUndefined();
  });
});
