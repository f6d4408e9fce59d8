import { ExactNumber } from '../model/json.ts';

/** A member name, or an array index. */
export type PathStep = string | number;

export type PathResult =
  | { readonly ok: true; readonly steps: readonly PathStep[] }
  | { readonly ok: false; readonly problem: string; readonly hint?: string };

const MAX_LENGTH = 512;
const MAX_STEPS = 32;
/** A plain name holds nothing that JSONPath could take for a wildcard, filter, script or operator. */
const STEP =
  /\.([^\s.[\](){}'"`,:;?@*^~!=<>&|\\]+)|\[([0-9]{1,9})\]|\['((?:[^'\\]|\\['\\])*)'\]|\["((?:[^"\\]|\\["\\])*)"\]/y;

/** Reads the restricted path `$.a.b['c d'][0]`: names and indexes only, never a filter, wildcard or script. */
export function parsePath(text: string): PathResult {
  if (text.length > MAX_LENGTH) return { ok: false, problem: `the path is longer than ${MAX_LENGTH} characters` };
  if (!text.startsWith('$')) return { ok: false, problem: 'a path begins with $', hint: `"$.${text}"` };
  const steps: PathStep[] = [];
  let at = 1;
  while (at < text.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(text);
    if (match === null)
      return {
        ok: false,
        problem: `cannot read the path at position ${at}`,
        hint: "names and indexes only: $.a.b['c d'][0]",
      };
    at = STEP.lastIndex;
    const [, name, index, single, double] = match;
    if (index !== undefined) steps.push(Number(index));
    else steps.push(name ?? (single ?? double ?? '').replace(/\\(.)/g, '$1'));
  }
  if (steps.length > MAX_STEPS) return { ok: false, problem: `the path has more than ${MAX_STEPS} steps` };
  return { ok: true, steps };
}

/** The path as a function; anything missing on the way gives undefined. Only own data is ever seen. */
export function compilePath(steps: readonly PathStep[]): (value: unknown) => unknown {
  const [first, second] = steps.map(compileStep);
  if (first === undefined) return (value) => value;
  if (steps.length === 1) return first;
  if (second === undefined || steps.length === 2) return (value) => second?.(first(value));
  const walk = steps.map(compileStep);
  return (value) => {
    let found = value;
    for (const step of walk) found = step(found);
    return found;
  };
}

function compileStep(step: PathStep): (value: unknown) => unknown {
  if (typeof step === 'number') return (value) => (Array.isArray(value) ? value[step] : undefined);
  // Data has Object.prototype or none: a name that is not on it can be read without asking whether it is own.
  if (step in Object.prototype)
    return (value) => (isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined);
  return (value) => (isJsonObject(value) ? value[step] : undefined);
}

function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/** Path texts as json-rules-engine's `pathResolver` gets them; a path that is not of our form finds nothing. */
export function resolvePath(value: unknown, path: string): unknown {
  const parsed = parsePath(path);
  return parsed.ok ? compilePath(parsed.steps)(value) : undefined;
}
