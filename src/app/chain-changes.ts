import { createHash } from 'node:crypto';
import { relative, resolve } from 'node:path';
import { BrokerError } from '../errors.ts';
import { parseJson, stringifyJson } from '../model/json.ts';
import type { Generation } from '../rules/index.ts';
import type { FolderFile } from './chain-folder.ts';

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Changes with every byte of the file. */
export const etagOf = (text: string): string => `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`;

/** Path of the file that holds the chain, relative to the chain folder; undefined when there is no such chain. */
export function fileOfChain({ graphs }: Generation, name: string, chainsDir: string): string | undefined {
  const graph = graphs.get(name);
  if (graph === undefined) return undefined;
  const together = [...graphs.values()].filter((other) => other.file === graph.file);
  if (together.length === 1) return relative(resolve(chainsDir), resolve(graph.file));
  const detail = `"${name}" stands in one file with ${together.length - 1} other chains: change that file`;
  throw new BrokerError('BAD_REQUEST', { field: 'name', detail });
}

/** Every chain in force is within them. */
const JSON_LIMITS = { maxDepth: 1_000 } as const;

/** The same but for white space, to the last digit: the file then stays as its author wrote it. */
function sameJson(standing: string, sent: string): boolean {
  const compact = (text: string): string | undefined => {
    const parsed = parseJson(text.replace(/^\ufeff/, ''), JSON_LIMITS);
    return parsed.ok ? stringifyJson(parsed.value) : undefined;
  };
  return compact(standing) === compact(sent);
}

/** The files with the chain's own replaced, or added as `<name>.json`. Throws PRECONDITION_REQUIRED or PRECONDITION_FAILED. */
export function withFile(
  files: readonly FolderFile[],
  change: {
    readonly name: string;
    readonly path: string | undefined;
    readonly text: string;
    readonly ifMatch: string | undefined;
  },
): readonly FolderFile[] {
  const { name, text, ifMatch } = change;
  if (change.path === undefined) {
    if (!FILE_NAME.test(name)) {
      const detail = 'a new chain becomes the file <name>.json: letters, digits, ".", "_" and "-" only';
      throw new BrokerError('BAD_REQUEST', { field: 'name', detail });
    }
    const path = `${name}.json`;
    const taken = files.some((file) => file.path === path);
    if (taken || (ifMatch !== undefined && ifMatch !== '*')) {
      const detail = taken ? `${path} is the file of another chain` : `there is no chain "${name}" yet`;
      throw new BrokerError('PRECONDITION_FAILED', { field: 'If-Match', detail });
    }
    return [...files, { path, text }];
  }
  if (ifMatch === undefined) {
    const detail = 'send If-Match with the ETag that GET gave, so that nobody else\'s change is lost; "*" takes any';
    throw new BrokerError('PRECONDITION_REQUIRED', { field: 'If-Match', detail });
  }
  const standing = files.find((file) => file.path === change.path);
  if (ifMatch !== '*' && standing && ifMatch !== etagOf(standing.text)) {
    const detail = `${change.path} has changed meanwhile: read it again`;
    throw new BrokerError('PRECONDITION_FAILED', { field: 'If-Match', detail });
  }
  return files.map((file) => (file.path === change.path && !sameJson(file.text, text) ? { ...file, text } : file));
}
