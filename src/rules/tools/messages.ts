import { parseChainTest, type TestMessage } from '../chain-test-file.ts';
import { readJsonText } from '../json-source.ts';
import type { Play } from '../rehearsal.ts';

export type Messages =
  | { readonly ok: true; readonly when: readonly TestMessage[]; readonly given?: NonNullable<Play['given']> }
  | { readonly ok: false; readonly problem: string };

const DEVICE = 'device-1';
const WRAPPER = /^\/cases\/0\/(?:when\/)?/;

/**
 * One message or a list, as in `when` of test files, and what exists before, as in `given`: checked by the same schema.
 * @param world JSON text of `given`; undefined = nothing exists but the senders.
 */
export function parseMessages(text: string, world: string | undefined): Messages {
  const list = readJsonText('the message', text);
  if (!list.ok) return { ok: false, problem: `The message is not JSON: ${list.issues[0]?.problem ?? 'unreadable'}.` };
  const given = world === undefined ? undefined : readJsonText('given', world);
  if (given?.ok === false)
    return { ok: false, problem: `What is given is not JSON: ${given.issues[0]?.problem ?? ''}.` };
  // The text itself goes on, not its value: numbers keep their digits.
  const one = Array.isArray(list.value) ? strip(text) : `[${withSender(strip(text), list.value)}]`;
  const before = world === undefined ? '' : `"given":${strip(world)},`;
  const parsed = parseChainTest('', `{"cases":[{"name":"message",${before}"when":${one},"then":{}}]}`);
  const [found] = parsed.ok ? parsed.value.cases : [];
  if (parsed.ok && found) return { ok: true, when: found.when, ...(found.given ? { given: found.given } : {}) };
  const issues = parsed.ok ? [] : parsed.issues;
  // A misspelt member is why another one is missing.
  const issue = issues.find(({ rule }) => rule === 'unknown-field') ?? issues[0];
  const hint = issue?.hint ? ` (${issue.hint})` : '';
  return {
    ok: false,
    problem: `The message cannot be read: ${issue?.at.replace(WRAPPER, '/')}: ${issue?.problem}${hint}.`,
  };
}

/** A message that names no sender comes from some device. */
function withSender(text: string, value: unknown): string {
  const isMessage = value !== null && typeof value === 'object' && Object.keys(value).length > 0 && !('from' in value);
  return isMessage ? text.replace('{', `{"from":"${DEVICE}",`) : text;
}

const strip = (text: string): string => text.replace(/^\ufeff/, '');
