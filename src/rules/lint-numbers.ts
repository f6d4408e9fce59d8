import { ExactNumber, type JsonValue } from '../model/json.ts';
import type { Issue } from '../schema/issue.ts';
import { escapePointer } from './json-source.ts';

const WHOLE = /^-?\d+$/;
/** A number in a finding: longer ones are cut. */
const MAX_SHOWN = 40;

/** Numbers of a chain file that no double holds: nodes work with doubles, while telemetry keeps every digit. */
export function findUnheldNumbers(file: string, exact: JsonValue): readonly Issue[] {
  return walk(exact, '').map((found): Issue => ({ file, ...found }));
}

function walk(value: JsonValue, at: string): readonly Omit<Issue, 'file'>[] {
  if (value instanceof ExactNumber) return judge(value.text, at);
  if (Array.isArray(value)) return value.flatMap((item, index) => walk(item, `${at}/${index}`));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, item]) => walk(item, `${at}/${escapePointer(key)}`));
}

function judge(text: string, at: string): readonly Omit<Issue, 'file'>[] {
  const near = Number(text);
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  if (!Number.isFinite(near)) {
    const problem = `${shown} is larger than any number a node can work with`;
    return [{ at, rule: 'number-too-large', level: 'error', problem }];
  }
  if (!WHOLE.test(text) || BigInt(text) === BigInt(near)) return [];
  const problem = `${shown} counts as ${BigInt(near)}: its last digits are lost`;
  const hint = `whole numbers are exact to ${Number.MAX_SAFE_INTEGER}`;
  return [{ at, rule: 'lost-digits', level: 'warning', problem, hint }];
}
