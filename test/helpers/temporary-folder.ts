import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Global set-up of all suites: what tests make in the folder for temporary files goes with the run, also when they do not tidy up. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-run-'));
  chmodSync(folder, 0o755); // brokers that are started as another user go through it
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
