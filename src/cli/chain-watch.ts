import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { EXIT, type Io } from './io.ts';

/** An editor writes a file in several steps: they are one change. */
const SETTLE_MS = 100;

/**
 * Runs at once, and again whenever a JSON file in the folders changes or Enter is typed, one run at a time; `q` or the end
 * of the input ends it. Gives the exit code of the last run.
 */
export async function watchFolders(io: Io, paths: readonly string[], run: () => Promise<number>): Promise<number> {
  let code: number = EXIT.fine;
  let running: Promise<void> | undefined;
  let again = false;
  const start = (): void => {
    if (running) {
      again = true;
      return;
    }
    running = run()
      .then((done) => {
        code = done;
        io.stdout.write('watching: Enter runs again, q ends\n');
      })
      .finally(() => {
        running = undefined;
        if (again) {
          again = false;
          start();
        }
      });
  };
  let timer: NodeJS.Timeout | undefined;
  const changed = (_event: string, name: string | null): void => {
    if (name !== null && !name.endsWith('.json')) return;
    clearTimeout(timer);
    timer = setTimeout(start, SETTLE_MS);
  };
  const watchers = foldersOf(paths).map((folder): FSWatcher => watch(folder, changed));
  try {
    start();
    for await (const piece of io.stdin) {
      const typed = String(piece).trim().toLowerCase();
      if (typed === 'q') break;
      if (String(piece).includes('\n')) start();
    }
    while (running) await running;
  } finally {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  }
  return code;
}

/** Where there is nothing to watch, the run says what is wrong with the path. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = paths.flatMap((path) => {
    try {
      return statSync(path).isDirectory() ? path : dirname(path);
    } catch {
      return [];
    }
  });
  return [...new Set(folders)];
}
