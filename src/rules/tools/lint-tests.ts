import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Issue } from '../../schema/issue.ts';
import { type ChainTestFile, parseChainTest } from '../chain-test-file.ts';

/** What is wrong with the `*.test.json` files in these folders, without running them; single files are chains. */
export async function lintTestFiles(paths: readonly string[]): Promise<readonly Issue[]> {
  const issues: Issue[] = [];
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
    const names = isFolder ? await readdir(path) : [];
    for (const name of names.filter((one) => one.endsWith('.test.json')).sort()) {
      const file = join(path, name);
      const parsed = parseChainTest(file, await readFile(file, 'utf8'));
      issues.push(...(parsed.ok ? sharedKeys(file, parsed.value) : parsed.issues));
    }
  }
  return issues;
}

/** A key of two suppliers: whose device it is would be a matter of order. */
function sharedKeys(file: string, { cases }: ChainTestFile): Issue[] {
  return cases.flatMap(({ given }, index) => {
    const owners = new Map<string, string>();
    return (given?.suppliers ?? []).flatMap(({ name, keys }, at): Issue[] =>
      keys.flatMap((key, place): Issue[] => {
        const owner = owners.get(key);
        owners.set(key, name);
        if (owner === undefined) return [];
        const problem = `this key is also a key of "${owner}": a supplier is found by its key alone`;
        const pointer = `/cases/${index}/given/suppliers/${at}/keys/${place}`;
        return [{ file, at: pointer, rule: 'ambiguous-lookup', level: 'warning', problem }];
      }),
    );
  });
}
