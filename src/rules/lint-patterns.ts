import { patternProblem } from '../schema/pattern-cost.ts';
import { escapePointer } from './json-source.ts';

export interface PatternFinding {
  /** JSON pointer below the config that was looked at. */
  readonly at: string;
  readonly rule: 'slow-pattern';
  readonly problem: string;
}

/** Members that hold regular expressions; `matches` conditions run on an automaton and cannot backtrack. */
const PATTERN_NAME = /(?:pattern|regex|regexp)s?$/i;
const SLOW = 'too long';

/** Regular expressions in a node's config whose worst case grows out of bounds. */
export function findSlowPatterns(value: unknown, at = '', named = false): PatternFinding[] {
  if (typeof value === 'string') {
    const problem = named ? patternProblem(value) : undefined;
    return problem?.includes(SLOW) ? [{ at, rule: 'slow-pattern', problem }] : [];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    findSlowPatterns(inner, `${at}/${escapePointer(key)}`, Array.isArray(value) ? named : PATTERN_NAME.test(key)),
  );
}
