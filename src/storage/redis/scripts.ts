import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisConnection, Word } from './connection.ts';

/** A Lua file of `lua/`, known to Redis by the hash of its text. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

const read = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');

function scriptOf(name: string, source: string): Script {
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

/** A script that may run twice without harm, and as late as it likes. */
export const loadScript = (name: string): Script => scriptOf(name, read(name));

/** A script that may run twice, but never after its deadline. */
export const loadTimed = (name: string): Script => scriptOf(name, `${read('deadline')}${read(name)}`);

/** A script behind the prelude: done once for each operation id, and never after its deadline. */
export const loadStep = (name: string): Script => scriptOf(name, `${read('prelude')}${read(name)}`);

/** Runs the script where its first key lives; a node that does not know it yet is given its text. */
export async function runScript(
  send: RedisConnection['send'],
  script: Script,
  keys: readonly string[],
  args: readonly Word[],
): Promise<unknown> {
  try {
    return await send('evalsha', [script.sha, keys.length, ...keys, ...args]);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return send('eval', [script.source, keys.length, ...keys, ...args]);
  }
}
