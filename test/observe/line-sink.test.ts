import { closeSync, existsSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLineSink } from '../../src/observe/line-sink.ts';

const flushed = (sink: ReturnType<typeof createLineSink>): Promise<void> =>
  new Promise((resolve) => sink.flush(resolve));

describe('line sink', () => {
  it('writes every line in order, by flush and by flushSync', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'gm-sink-')), 'out');
    const sink = createLineSink(openSync(path, 'w'));
    const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index} ${'x'.repeat(200)}\n`);
    for (const line of lines.slice(0, 2_000)) sink.write(line);
    await flushed(sink);
    for (const line of lines.slice(2_000, 4_000)) sink.write(line);
    sink.flushSync();
    for (const line of lines.slice(4_000)) sink.write(line);
    await flushed(sink);
    expect(readFileSync(path, 'utf8') === lines.join('')).toBe(true);
    expect(sink.dropped()).toBe(0);
  });

  it.skipIf(!existsSync('/dev/full'))('never hangs on a full disk, and drops lines at its bound', async () => {
    const sink = createLineSink(openSync('/dev/full', 'w'));
    const line = `${'x'.repeat(1024 * 1024)}\n`;
    for (let count = 0; count < 20; count++) sink.write(line);
    await flushed(sink);
    sink.flushSync();
    expect(sink.dropped()).toBeGreaterThanOrEqual(12);
  });

  it('drops and counts all lines once its descriptor is closed', async () => {
    const fd = openSync('/dev/null', 'w');
    const sink = createLineSink(fd);
    closeSync(fd);
    sink.write('a\n');
    await flushed(sink);
    sink.write('b\n');
    expect(sink.dropped()).toBe(2);
  });
});
