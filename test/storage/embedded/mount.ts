import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounts a small file system of its own; what is returned unmounts it. Needs root. */
export function mountSmallDisk(directory: string, megabytes: number): () => void {
  mkdirSync(directory, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory], { stdio: 'ignore' });
  return () => {
    execFileSync('umount', [directory], { stdio: 'ignore' });
  };
}

export const remountReadOnly = (directory: string): void => {
  execFileSync('mount', ['-o', 'remount,ro', directory], { stdio: 'ignore' });
};

/** Whether this process may mount; without it the tests that need a disk of their own are skipped. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const probe = mkdtempSync(join(tmpdir(), 'gridmoor-mount-'));
  try {
    mountSmallDisk(probe, 1)();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}
