export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

interface Open {
  /** Undefined in an object. */
  index: number | undefined;
  key: string;
}

/**
 * Where the value at a JSON pointer begins. A text that is no JSON, or holds no such value, gives the longest part of the
 * pointer that there is: at worst the first line.
 */
export function placeOf(text: string, pointer: string): Place {
  const wanted = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const open: Open[] = [];
  let best = { depth: 0, offset: 0 };
  let expectsKey = false;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const top = open.at(-1);
    if (token === ',' || token === ':') {
      if (token === ',' && top?.index !== undefined) top.index++;
      expectsKey = token === ',' && top !== undefined && top.index === undefined;
      continue;
    }
    if (token === '}' || token === ']') {
      open.pop();
      expectsKey = false;
      continue;
    }
    if (expectsKey && top) {
      top.key = unquoted(token);
      expectsKey = false;
      // The key of a member is a better place to look at than its value.
      best = deeper(best, open, wanted, match.index);
      continue;
    }
    if (top?.index !== undefined) best = deeper(best, open, wanted, match.index);
    if (token === '{' || token === '[') {
      open.push({ index: token === '[' ? 0 : undefined, key: '' });
      expectsKey = token === '{';
    }
  }
  const before = text.slice(0, best.offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function deeper(
  best: { depth: number; offset: number },
  open: readonly Open[],
  wanted: readonly string[],
  offset: number,
): { depth: number; offset: number } {
  if (open.length <= best.depth || open.length > wanted.length) return best;
  const here = open.every(({ index, key }, at) => (index === undefined ? key : String(index)) === wanted[at]);
  return here ? { depth: open.length, offset } : best;
}

function unquoted(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    return token;
  }
}
