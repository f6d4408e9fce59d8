import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of a fixed size in memory. Its disposal unmounts it. */
export interface SmallDisk extends Disposable {
  readonly dir: string;
  /** Takes all space that is left. */
  fill(): void;
  empty(): void;
  setReadOnly(readOnly: boolean): void;
}

/** Undefined, with the reason on the console, where nothing may be mounted. */
export function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', dir]);
  if (mounted.status !== 0) {
    console.warn(`no tmpfs can be mounted here (${String(mounted.stderr ?? mounted.error).trim()}): run as root`);
    rmdirSync(dir);
    return undefined;
  }
  const ballast = join(dir, 'ballast');
  return {
    dir,
    fill() {
      const file = openSync(ballast, 'a');
      try {
        for (let bytes = 1 << 20; bytes >= 512; bytes >>= 1) writeWhileItFits(file, Buffer.alloc(bytes, 1));
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    setReadOnly(readOnly) {
      const { status, stderr } = spawnSync('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, dir]);
      if (status !== 0) throw new Error(`remount failed: ${stderr.toString()}`);
    },
    [Symbol.dispose]() {
      // A process that a failed test left behind would hold it: lazily, then.
      if (spawnSync('umount', [dir]).status !== 0) spawnSync('umount', ['-l', dir]);
      rmdirSync(dir);
    },
  };
}

function writeWhileItFits(file: number, chunk: Buffer): void {
  try {
    while (writeSync(file, chunk) === chunk.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
