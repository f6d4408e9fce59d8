import type { Comparison, Knowledge } from './condition-range.ts';
import { judgeCondition } from './condition-verdict.ts';
import { compileCondition } from './conditions.ts';
import { escapePointer } from './json-source.ts';

export interface ConditionFinding {
  /** JSON pointer below the config that was looked at. */
  readonly at: string;
  readonly rule: 'impossible-condition' | 'always-true-condition';
  readonly problem: string;
}

const WORDS: Readonly<Record<string, string>> = {
  lessThan: 'below',
  lessThanInclusive: 'at most',
  greaterThan: 'above',
  greaterThanInclusive: 'at least',
  equal: 'equal to',
  notEqual: 'not equal to',
  in: 'one of',
  notIn: 'none of',
  exists: 'there',
  absent: 'missing',
};

/**
 * Conditions anywhere in a node's config that can never hold, or that hold whatever the message says.
 * @param source what the knowledge is, for the message: `the schema of profile smart-meter`.
 */
export function findIdleConditions(config: unknown, knowledge?: Knowledge, source?: string): ConditionFinding[] {
  return conditionsIn(config, '').flatMap(({ at, condition }) =>
    judgeCondition(condition, knowledge).map((verdict): ConditionFinding => {
      const where = source ? `, by ${source}` : '';
      const told = verdict.because.map(text).join(' and ');
      return verdict.kind === 'never'
        ? { at: at + verdict.at, rule: 'impossible-condition', problem: `can never hold: ${told}${where}` }
        : { at: at + verdict.at, rule: 'always-true-condition', problem: `leaves nothing out: ${told}${where}` };
    }),
  );
}

/** The outermost objects that compile as a condition, whatever kind of node holds them. */
export function conditionsIn(value: unknown, at: string): { readonly at: string; readonly condition: unknown }[] {
  if (value === null || typeof value !== 'object') return [];
  const isGroup = ['all', 'any', 'not'].some((word) => Object.hasOwn(value, word));
  if (isGroup && compileCondition(value).ok) return [{ at, condition: value }];
  return Object.entries(value).flatMap(([key, inner]) => conditionsIn(inner, `${at}/${escapePointer(key)}`));
}

function text({ fact, path, operator, value }: Comparison): string {
  const place = path === '$' ? fact : `${fact} ${path}`;
  const word = WORDS[operator] ?? operator;
  return operator === 'exists' || operator === 'absent'
    ? `${place} ${word}`
    : `${place} ${word} ${JSON.stringify(value)}`;
}
