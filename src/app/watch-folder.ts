import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../observe/index.ts';

const REVISIT_MS = 500;
const RETRY_MS = 5_000;
/** The same as chains are read from (`chain-folder.ts`). */
const MAX_DEPTH = 4;
const MAX_FOLDERS = 1_000;

interface Watched {
  readonly identity: string;
  readonly watcher: FSWatcher;
}

/**
 * Hears of every change below a folder, for as long as it runs: a folder that is removed, replaced or linked elsewhere,
 * as deployments do it, is watched anew once it is there. Each folder has a watch of its own: those of Node that are
 * `recursive` lose a file on Linux once it was replaced by a rename, as editors and git do.
 */
export function watchFolder(dir: string, onChange: () => void, log: Log): { close(): void } {
  const watches = new Map<string, Watched>();
  let notBefore = 0;
  const drop = (path: string): void => {
    watches.get(path)?.watcher.close();
    watches.delete(path);
  };
  const lost = (path: string, error: unknown): void => {
    log.debug({ event: 'files.watch', dir: path, err: error }, 'folder could not be watched: tried again');
    drop(path);
    notBefore = performance.now() + RETRY_MS;
  };
  const add = (path: string, identity: string): void => {
    try {
      const watcher = watch(path, () => {
        visit();
        onChange();
      });
      watcher.on('error', (error) => lost(path, error));
      watches.set(path, { identity, watcher });
    } catch (error) {
      lost(path, error);
    }
  };
  /** Gives true when there are other folders than before. */
  const visit = (): boolean => {
    const found = foldersOf(dir);
    const gone = [...watches].filter(([path, { identity }]) => found.get(path) !== identity);
    for (const [path] of gone) drop(path);
    const added = performance.now() < notBefore ? [] : [...found].filter(([path]) => !watches.has(path));
    for (const [path, identity] of added) add(path, identity);
    return gone.length + added.length > 0;
  };
  visit();
  const timer = setInterval(() => {
    if (visit()) onChange();
  }, REVISIT_MS);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      for (const path of [...watches.keys()]) drop(path);
    },
  };
}

/** The folder and those below it that are not hidden, links followed, and what tells each from another of the same name. */
function foldersOf(dir: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string, depth: number): void => {
    try {
      const { dev, ino, birthtimeMs } = statSync(path);
      const entries = readdirSync(path, { withFileTypes: true });
      if (found.size < MAX_FOLDERS) found.set(path, `${dev} ${ino} ${birthtimeMs}`);
      if (depth === MAX_DEPTH) return;
      for (const entry of entries) {
        if (!entry.name.startsWith('.') && isFolder(join(path, entry.name), entry)) {
          visit(join(path, entry.name), depth + 1);
        }
      }
    } catch {
      // Not there, no folder, or not for us: it is looked for again.
    }
  };
  visit(dir, 0);
  return found;
}

function isFolder(path: string, entry: { isDirectory(): boolean; isSymbolicLink(): boolean }): boolean {
  return (
    entry.isDirectory() ||
    (entry.isSymbolicLink() && (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false))
  );
}
