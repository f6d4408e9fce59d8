import { ExactNumber, type JsonValue, stringifyJson } from '../model/json.ts';
import { isMsgData } from '../model/msg.ts';
import type { Expectation } from './chain-test-file.ts';
import type { RunResult } from './run.ts';
import { withoutSecrets } from './secrets.ts';
import { stemOf } from './test-attachments.ts';
import type { TestContext } from './test-context.ts';
import type { Outside } from './test-mocks.ts';

/** What a case ended in. */
export interface CaseRun {
  readonly context: TestContext;
  readonly outside: Outside;
  readonly result: RunResult;
  readonly paths: readonly (readonly string[])[];
  readonly reply: JsonValue;
}

/** What `nothingElse` says of members that are not named. */
const EMPTY: Expectation = { attachments: [], attributes: {}, telemetry: {}, outside: {}, alarms: [], reply: null };

/** What differs from the expectation; members that it does not name are not looked at. */
export function findDifferences(expected: Expectation, run: CaseRun): string[] {
  const then = expected.nothingElse === true ? { ...EMPTY, ...expected } : expected;
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
  if (then.reply !== undefined) compare('reply', then.reply, run.reply);
  if (then.outside !== undefined) compare('outside', then.outside as JsonValue, outsideOf(run));
  if (then.attributes !== undefined) compare('attributes', then.attributes, attributesOf(run.context));
  if (then.telemetry !== undefined) compare('telemetry', then.telemetry, latestOf(run.context));
  if (then.attachments !== undefined) compareAttachments(then.attachments, run.context, compare);
  return differences;
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

function attributesOf(context: TestContext): JsonValue {
  return Object.fromEntries(
    [...context.attributes].map(([device, scopes]) => [device, Object.fromEntries(scopes)]),
  ) as JsonValue;
}

/** Secrets are left out, as every node that sends leaves them out. */
function outsideOf({ outside }: CaseRun): JsonValue {
  const bodies = [...outside.sent].map(([node, list]) => {
    return [node, list.map(({ data }) => (isMsgData(data) ? withoutSecrets(data) : data))] as const;
  });
  return Object.fromEntries(bodies) as JsonValue;
}

/** The value with the highest time wins; at equal times the later one. */
function latestOf(context: TestContext): JsonValue {
  const devices = [...context.telemetry].map(([device, samples]) => {
    const ordered = [...samples].sort((a, b) => a.ts - b.ts);
    return [device, Object.assign({}, ...ordered.map((sample) => sample.values))] as const;
  });
  return Object.fromEntries(devices);
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
