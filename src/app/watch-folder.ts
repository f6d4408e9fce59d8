import { type FSWatcher, statSync, watch } from 'node:fs';
import type { Log } from '../observe/index.ts';

const REVISIT_MS = 500;
const RETRY_MS = 5_000;

/**
 * Hears of every change below a folder, for as long as it runs: a folder that is removed, replaced or linked elsewhere,
 * as deployments do it, is watched anew once it is there.
 */
export function watchFolder(dir: string, onChange: () => void, log: Log): { close(): void } {
  let watcher: FSWatcher | undefined;
  let watched: string | undefined;
  let notBefore = 0;
  const lost = (error: unknown): void => {
    log.debug({ event: 'files.watch', dir, err: error }, 'folder could not be watched: tried again');
    watched = undefined;
    notBefore = performance.now() + RETRY_MS;
  };
  const visit = (): boolean => {
    const now = identityOf(dir);
    if (now === watched || (now !== undefined && performance.now() < notBefore)) return false;
    watcher?.close();
    watcher = undefined;
    watched = now;
    notBefore = 0;
    if (now === undefined) return true;
    try {
      watcher = watch(dir, { recursive: true }, onChange);
      watcher.on('error', lost);
    } catch (error) {
      lost(error);
    }
    return true;
  };
  visit();
  const timer = setInterval(() => {
    if (visit()) onChange();
  }, REVISIT_MS);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      watcher?.close();
    },
  };
}

/** Tells one folder from another of the same name, links followed; undefined while there is none. */
function identityOf(dir: string): string | undefined {
  try {
    const { dev, ino, birthtimeMs } = statSync(dir);
    return `${dev} ${ino} ${birthtimeMs}`;
  } catch {
    return undefined;
  }
}
