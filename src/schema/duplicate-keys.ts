export interface DuplicateKey {
  /** JSON pointer. */
  readonly at: string;
  readonly key: string;
  /** Where the key stands again, from 1. */
  readonly line: number;
  readonly column: number;
}

/** What a finding says of it, behind its place. */
export const duplicateProblem = ({ line, column }: DuplicateKey): string =>
  `the key stands twice in its object, again at line ${line}, column ${column}`;

export const DUPLICATE_HINT = 'only the last one would count: remove one';

interface Open {
  readonly pointer: string;
  /** Keys seen so far; undefined in an array. */
  readonly keys: Set<string> | undefined;
  key: string;
  index: number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** Every key that stands again in its object, found as asked for: walks the tokens of a text that is known to be JSON. */
export function* duplicateKeys(text: string): Generator<DuplicateKey, void> {
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
      if (top.keys.has(top.key)) yield { at: pointerOf(top), key: top.key, ...placeIn(text, match.index) };
      top.keys.add(top.key);
    }
  }
}

/** Line and column of an offset, from 1. */
export function placeIn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function pointerOf(open: Open): string {
  return `${open.pointer}/${open.keys ? escapePointer(open.key) : open.index}`;
}

/** A key as a JSON pointer's segment (RFC 6901). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
