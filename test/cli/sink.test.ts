import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.ts';
import { openSink } from '../../src/cli/sink.ts';

const ioIn = (cwd: string): Io => ({
  stdout: { write: () => {} },
  stderr: { write: () => {} },
  stdin: (async function* () {})(),
  env: {},
  cwd,
  isTty: false,
});

it('what cannot be written ends a command with one line, and what is discarded is gone', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-sink-'));
  const sink = await openSink(ioIn(cwd), 'out');
  await sink.write('a');
  expect(readFileSync(join(cwd, 'out'), 'utf8')).toBe('a');
  await sink.close();
  await expect(sink.write('b')).rejects.toMatchObject({ exitCode: 1, message: 'out cannot be written (EBADF).' });
  await sink.discard();
  expect(existsSync(join(cwd, 'out'))).toBe(false);
});
