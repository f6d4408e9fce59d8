import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The build that the chaos suite runs; another one for development. */
export const MAIN = process.env.CHAOS_MAIN ?? join(root, 'dist', 'main.js');

/** A change to one compiled file: `from` stands in it exactly once. */
export interface Patch {
  /** Below `dist/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface BrokenBuild extends Disposable {
  readonly main: string;
}

/** A copy of the build with a bug in it. Throws when a patch no longer fits: then it has to follow the code. */
export function breakBuild(patches: readonly Patch[]): BrokenBuild {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-broken-'));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    cpSync(dirname(MAIN), join(dir, 'dist'), { recursive: true });
    for (const name of ['package.json', 'rule-chains', 'device-profiles']) {
      cpSync(join(root, name), join(dir, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
    for (const { file, from, to } of patches) {
      const path = join(dir, 'dist', file);
      const parts = readFileSync(path, 'utf8').split(from);
      if (parts.length !== 2) {
        throw new Error(
          `the planted bug no longer fits dist/${file}: ${parts.length - 1} times ${JSON.stringify(from)}`,
        );
      }
      writeFileSync(path, parts.join(to));
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { main: join(dir, 'dist', 'main.js'), [Symbol.dispose]: remove };
}
