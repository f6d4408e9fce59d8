import type { StoreDirectory } from './directory.ts';
import type { Environment } from './environment.ts';
import { textKey } from './keys.ts';
import { FORMAT, versionError } from './problems.ts';

const KEY = textKey('format');

/** Notes the format in a new store, refuses any other than our own. */
export async function checkFormat({ tables, transaction }: Environment, directory: StoreDirectory): Promise<void> {
  const found = tables.meta.get(KEY)?.toString('utf8');
  if (found !== undefined && found !== String(FORMAT)) throw versionError(directory.path, found);
  if (found === undefined) await transaction(() => tables.meta.put(KEY, Buffer.from(String(FORMAT))));
  directory.markFormat();
}
