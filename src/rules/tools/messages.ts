import { ExactNumber, type JsonValue, stringifyJson } from '../../model/json.ts';
import { parseChainTest, type TestMessage } from '../chain-test-file.ts';
import { readJsonText } from '../json-source.ts';
import type { Play } from '../rehearsal.ts';

export type Messages =
  | { readonly ok: true; readonly when: readonly TestMessage[]; readonly given?: NonNullable<Play['given']> }
  | { readonly ok: false; readonly problem: string };

const DEVICE = 'device-1';
const SENT = ['telemetry', 'attributes', 'type'];
const GIVEN = '/cases/0/given';
const WRAPPER = /^\/cases\/0\/(?:when\/)?/;

/**
 * One message or a list, as in `when` of test files, and what exists before, as in `given`: checked by the same schema.
 * @param world JSON text of `given`; undefined = nothing exists but the senders.
 */
export function parseMessages(text: string, world: string | undefined): Messages {
  const list = readJsonText('the message', text);
  const [unreadable] = list.issues;
  if (!list.ok || unreadable) return refusal(`The message is not JSON: ${unreadable?.problem ?? 'unreadable'}.`);
  const given = world === undefined ? undefined : readJsonText('given', world);
  if (given?.ok === false) return refusal(`What is given is not JSON: ${given.issues[0]?.problem ?? ''}.`);
  const before = world === undefined ? '' : `"given":${strip(world)},`;
  const parsed = parseChainTest('', `{"cases":[{"name":"message",${before}"when":${listOf(list.exact)},"then":{}}]}`);
  const [found] = parsed.ok ? parsed.value.cases : [];
  if (parsed.ok && found) return { ok: true, when: found.when, ...(found.given ? { given: found.given } : {}) };
  const issues = parsed.ok ? [] : parsed.issues;
  // A misspelt member is why another one is missing.
  const issue = issues.find(({ rule }) => rule === 'unknown-field') ?? issues[0];
  const hint = issue?.hint ? ` (${issue.hint})` : '';
  const what = issue?.at.startsWith(GIVEN) ? 'What is given' : 'The message';
  return refusal(`${what} cannot be read: ${issue?.at.replace(WRAPPER, '/')}: ${issue?.problem}${hint}.`);
}

const refusal = (problem: string): Messages => ({ ok: false, problem });

/** One message or several as a list, each from some device when it names none; numbers keep their digits. */
const listOf = (messages: JsonValue): string => stringifyJson([messages].flat().map(withSender));

function withSender(message: JsonValue): JsonValue {
  if (message === null || typeof message !== 'object' || Array.isArray(message) || message instanceof ExactNumber)
    return message;
  const isSent = SENT.some((key) => Object.hasOwn(message, key));
  return isSent && !Object.hasOwn(message, 'from') ? { from: DEVICE, ...message } : message;
}

const strip = (text: string): string => text.replace(/^\ufeff/, '');
