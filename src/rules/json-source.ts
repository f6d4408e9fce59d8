import { parseJson } from '../model/json.ts';
import type { Issue } from '../schema/issue.ts';

/** Deeper files are refused: no chain needs it, and checks walk the tree. */
/** Levels that a file may have. */
export const MAX_DEPTH = 64;

export type JsonSource =
  | { readonly ok: true; readonly value: unknown; readonly issues: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Reads a file that users edit: the place of a syntax error as line and column, and every duplicate key by its pointer. */
export function readJsonText(file: string, text: string): JsonSource {
  const clean = text.startsWith('\ufeff') ? text.slice(1) : text;
  const checked = parseJson(clean, { maxDepth: MAX_DEPTH });
  if (!checked.ok) {
    const problem = `line ${lineAndColumn(clean, checked.error.at)}: ${checked.error.problem}`;
    return { ok: false, issues: [{ file, at: '', rule: 'not-json', level: 'error', problem }] };
  }
  const issues = duplicateKeys(clean).map(
    ({ at, offset }): Issue => ({
      file,
      at,
      rule: 'duplicate-key',
      level: 'error',
      problem: `the key stands twice in its object, again at line ${lineAndColumn(clean, offset)}`,
      hint: 'only the last one would count: remove one',
    }),
  );
  return { ok: true, value: JSON.parse(clean), issues };
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `${line}, column ${offset - (before.lastIndexOf('\n') + 1) + 1}`;
}

interface Open {
  readonly pointer: string;
  /** Keys seen so far; undefined in an array. */
  readonly keys: Set<string> | undefined;
  key: string;
  index: number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** Walks the tokens of a text that is known to be JSON. */
function duplicateKeys(text: string): { at: string; offset: number }[] {
  const found: { at: string; offset: number }[] = [];
  const open: Open[] = [];
  let atKey = false;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const top = open.at(-1);
    if (token === '{' || token === '[') {
      const keys = token === '{' ? new Set<string>() : undefined;
      open.push({ pointer: top ? pointerOf(top) : '', keys, key: '', index: 0 });
      atKey = token === '{';
    } else if (token === '}' || token === ']') {
      open.pop();
      atKey = false;
    } else if (token === ',') {
      if (top) top.index++;
      atKey = top?.keys !== undefined;
    } else if (token === ':') {
      atKey = false;
    } else if (atKey && top?.keys) {
      top.key = String(JSON.parse(token));
      if (top.keys.has(top.key)) found.push({ at: pointerOf(top), offset: match.index });
      top.keys.add(top.key);
    }
  }
  return found;
}

function pointerOf(open: Open): string {
  return `${open.pointer}/${open.keys ? escapePointer(open.key) : open.index}`;
}

/** A key as a JSON pointer's segment (RFC 6901). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
