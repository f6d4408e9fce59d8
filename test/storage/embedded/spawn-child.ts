import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Child {
  /** What it has said so far. */
  readonly said: Record<string, unknown>[];
  /** Resolves with the first line, old or new, that has the key. */
  heard(key: string): Promise<Record<string, unknown>>;
  /** Resolves when it has said so many lines. */
  lines(count: number): Promise<void>;
  /** SIGKILL, then waits for its end. */
  kill(): Promise<void>;
  readonly process: ChildProcess;
}

export interface ChildProgram {
  start(mode: 'hold' | 'write' | 'die', dataDir: string): Child;
  /** Kills what still runs and removes the bundle. */
  dispose(): Promise<void>;
}

/** Bundles `child.ts`, so that it can run in a process of its own. */
export async function buildChild(): Promise<ChildProgram> {
  const outDir = mkdtempSync(join(ROOT, 'node_modules', '.store-child-'));
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: join(ROOT, 'test/storage/embedded/child.ts'),
      outDir,
      target: 'node20',
      rollupOptions: { external: ['lmdb'], output: { entryFileNames: 'child.mjs' } },
    },
  });
  const children: Child[] = [];
  return {
    start(mode, dataDir) {
      const child = startChild(join(outDir, 'child.mjs'), mode, dataDir);
      children.push(child);
      return child;
    },
    async dispose() {
      await Promise.all(children.map((child) => child.kill()));
      rmSync(outDir, { recursive: true, force: true });
    },
  };
}

function startChild(file: string, mode: string, dataDir: string): Child {
  const child = spawn(process.execPath, [file, mode, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  const check = (): void => {
    for (const look of waiting) look();
  };
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  let ended = false;
  void closed.then(() => {
    ended = true;
    check();
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(JSON.parse(line) as Record<string, unknown>);
    check();
  });
  const until = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined && !ended) return;
        waiting.delete(look);
        if (found === undefined) reject(new Error('the child ended before'));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  return {
    said,
    process: child,
    heard: (key) => until(() => said.find((line) => key in line)),
    lines: async (count) => {
      await until(() => (said.length >= count ? true : undefined));
    },
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
