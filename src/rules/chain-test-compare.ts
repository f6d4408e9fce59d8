import { ExactNumber, type JsonValue, stringifyJson } from '../model/json.ts';
import type { Expectation } from './chain-test-file.ts';
import { OBSERVED, type Observation, observe, ordered, outsideOf, type WorldState } from './chain-test-world.ts';
import type { RunResult } from './run.ts';
import { stemOf } from './test-attachments.ts';
import type { TestContext } from './test-context.ts';
import type { Outside } from './test-mocks.ts';

/** What a case ended in. */
export interface CaseRun {
  readonly context: TestContext;
  /** The world before the first message. */
  readonly before: WorldState;
  readonly outside: Outside;
  readonly result: RunResult;
  readonly paths: readonly (readonly string[])[];
  readonly reply: JsonValue;
}

/** What differs from the expectation; members that it does not name are not looked at. */
export function findDifferences(then: Expectation, run: CaseRun): string[] {
  const differences: string[] = [];
  const compare = (what: string, expected: JsonValue, actual: JsonValue): void => {
    if (canonical(expected) === canonical(actual)) return;
    differences.push(difference(what, canonical(expected), canonical(actual)));
  };
  if (then.path !== undefined) {
    const expected = isNested(then.path) ? then.path.map(pathText) : [pathText(then.path)];
    const actual = run.paths.map(pathText);
    if (expected.join('\n') !== actual.join('\n')) {
      differences.push(difference('path', expected.join('\n'), actual.join('\n')));
    }
  }
  const letters = run.result.outcome === 'dead-lettered' ? run.result.letters : [];
  if (then.outcome !== undefined && then.outcome !== run.result.outcome) {
    const why = letters.map((letter) => ` at ${letter.node}: ${letter.reason}`).join(';');
    differences.push(difference('outcome', then.outcome, run.result.outcome + why));
  }
  if (then.deadLetter !== undefined) {
    const { node, reason = '' } = then.deadLetter;
    const [letter] = letters;
    if (letter?.node !== node || !letter.reason.includes(reason)) {
      const actual = letter ? `${letter.node}: ${letter.reason}` : 'none';
      differences.push(difference('deadLetter', `${node}: ${reason}`, actual));
    }
  }
  const logs = run.context.logs.map(({ level, text }) => ({ level, text }));
  const actual: Observation = { ...observe(run.context), outside: outsideOf(run), reply: run.reply, logs };
  const untouched: Observation = { ...run.before, outside: {}, reply: null, logs };
  for (const what of OBSERVED) {
    const expected = then[what] as JsonValue | undefined;
    const wanted = expected === undefined && then.nothingElse === true ? untouched[what] : expected;
    if (wanted === undefined) continue;
    if ((what === 'attachments' || what === 'alarms') && expected !== undefined) continue;
    compare(what, ordered(what, wanted), actual[what]);
  }
  if (then.attachments !== undefined) compareAttachments(then.attachments, run.context, compare);
  if (then.alarms !== undefined) compareAlarms(then.alarms, run.context, compare);
  return differences;
}

/** In the order they were made; of each only what the expectation names. */
function compareAlarms(
  expected: NonNullable<Expectation['alarms']>,
  context: TestContext,
  compare: (what: string, expected: JsonValue, actual: JsonValue) => void,
): void {
  const actual = context.namedAlarms().map((alarm, index) => {
    const named = Object.keys(expected[index] ?? alarm);
    return Object.fromEntries(Object.entries(alarm).filter(([key]) => named.includes(key)));
  });
  compare('alarms', expected as unknown as JsonValue, actual);
}

function compareAttachments(
  expected: NonNullable<Expectation['attachments']>,
  context: TestContext,
  compare: (what: string, expected: JsonValue, actual: JsonValue) => void,
): void {
  const sorted = [...expected].sort((a, b) => (a.device < b.device ? -1 : 1));
  const actual = context.attachments().map(({ grid, ...rest }) => {
    const wanted = sorted.find((entry) => entry.device === rest.device);
    return wanted !== undefined && wanted.grid === undefined ? rest : { ...rest, grid };
  });
  compare(
    'attachments',
    sorted.map((entry) => ({ ...entry, supplyPoint: stemOf(entry.supplyPoint) })),
    actual,
  );
}

/** JSON text with sorted keys and numbers as they were written. */
function canonical(value: JsonValue): string {
  return stringifyJson(sorted(value));
}

function sorted(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? null)]));
}

const isNested = (path: NonNullable<Expectation['path']>): path is readonly (readonly string[])[] =>
  Array.isArray(path[0]);

const pathText = (path: readonly string[]): string => path.join(' > ');

function difference(what: string, expected: string, actual: string): string {
  const indented = (text: string): string => text.replaceAll('\n', '\n            ');
  return `${what}\n  expected: ${indented(expected)}\n  actual:   ${indented(actual)}`;
}
