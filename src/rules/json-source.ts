import { type JsonValue, parseJson } from '../model/json.ts';
import { DUPLICATE_HINT, duplicateKeys, duplicateProblem, placeIn } from '../schema/duplicate-keys.ts';
import type { Issue } from '../schema/issue.ts';

export { escapePointer } from '../schema/duplicate-keys.ts';

/** Levels that a file may have: no chain needs more, and checks walk the tree. */
const MAX_DEPTH = 64;

export type JsonSource =
  /** `exact`: the same with the digits of every number. */
  | { readonly ok: true; readonly value: unknown; readonly exact: JsonValue; readonly issues: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Reads a file that users edit: the place of a syntax error as line and column, and every duplicate key by its pointer. */
export function readJsonText(file: string, text: string): JsonSource {
  const clean = text.startsWith('\ufeff') ? text.slice(1) : text;
  const checked = parseJson(clean, { maxDepth: MAX_DEPTH });
  if (!checked.ok) {
    const { line, column } = placeIn(clean, checked.error.at);
    const problem = `line ${line}, column ${column}: ${checked.error.problem}`;
    return { ok: false, issues: [{ file, at: '', rule: 'not-json', level: 'error', problem }] };
  }
  const issues = [...duplicateKeys(clean)].map((found): Issue => {
    const problem = duplicateProblem(found);
    return { file, at: found.at, rule: 'duplicate-key', level: 'error', problem, hint: DUPLICATE_HINT };
  });
  return { ok: true, value: JSON.parse(clean), exact: checked.value, issues };
}
