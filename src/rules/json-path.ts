import { ExactNumber } from '../model/json.ts';
import { compilePath, parsePath } from './condition-path.ts';

export type JsonPathResult =
  | { readonly ok: true; read(value: unknown): unknown }
  | { readonly ok: false; readonly problem: string; readonly hint: string };

const HINT = "names, indexes and wildcards only: $.a['c d'][0].e[*]";
/** What one path may find. */
const MAX_FOUND = 10_000;

/**
 * The restricted path of the conditions with the wildcards `[*]` and `.*`: names and indexes, never a filter or script.
 * Without a wildcard `read` gives the value or undefined, with one the list of what it finds.
 */
export function compileJsonPath(text: string): JsonPathResult {
  if (!text.startsWith('$')) return { ok: false, problem: 'a path begins with $', hint: `"$.${text}"` };
  const pieces = split(text.slice(1));
  const walks: ((value: unknown) => unknown)[] = [];
  for (const piece of pieces) {
    const parsed = parsePath(`$${piece}`);
    if (!parsed.ok) return { ok: false, problem: parsed.problem, hint: HINT };
    const walk = compilePath(parsed.steps);
    // A secret has methods, and no members: what it could be asked for is nothing.
    walks.push((value) => {
      const found = walk(value);
      return typeof found === 'function' ? undefined : found;
    });
  }
  const [first = (value: unknown) => value, ...rest] = walks;
  if (rest.length === 0) return { ok: true, read: first };
  return {
    ok: true,
    read(value) {
      let found: unknown[] = [first(value)];
      for (const walk of rest) {
        const next: unknown[] = [];
        for (const one of found) {
          for (const child of children(one)) {
            const reached = walk(child);
            if (reached !== undefined && next.length < MAX_FOUND) next.push(reached);
          }
        }
        found = next;
      }
      return found;
    },
  };
}

/** At the wildcards that stand outside of quotes. */
function split(text: string): readonly string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const match of text.matchAll(/\['(?:[^'\\]|\\.)*'\]|\["(?:[^"\\]|\\.)*"\]|\[\*\]|\.\*/g)) {
    if (match[0] !== '[*]' && match[0] !== '.*') continue;
    pieces.push(text.slice(from, match.index));
    from = match.index + match[0].length;
  }
  return [...pieces, text.slice(from)];
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const isObject = typeof value === 'object' && value !== null && !(value instanceof ExactNumber);
  return isObject ? Object.values(value) : [];
}
