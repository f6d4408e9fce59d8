import type { JsonObject, JsonValue } from '../model/json.ts';
import { parseJson } from '../model/json.ts';
import type { Issue } from '../schema/issue.ts';
import { compileSchema } from '../schema/validate.ts';
import { CHAIN_TEST_SCHEMA } from './chain-test-format.ts';
import { readJsonText } from './json-source.ts';
import { alarmRuleIssues, type NamedAlarm } from './test-alarms.ts';
import type { TestGiven } from './test-context.ts';
import type { Mocks } from './test-mocks.ts';

export interface ChainTestFile {
  readonly chain?: string;
  readonly cases: readonly ChainTestCase[];
}

export interface ChainTestCase {
  readonly name: string;
  readonly given?: TestGiven & { readonly mocks?: Mocks };
  readonly when: readonly TestMessage[];
  readonly then: Expectation;
}

/** A message, or a step of the clock alone. */
export interface TestMessage {
  readonly from?: string;
  /** Moves the clock to this time before the message is sent, ms since 1970. */
  readonly at?: number;
  /** Moves the clock on by so many ms before the message is sent. */
  readonly advance?: number;
  readonly telemetry?: JsonObject;
  readonly ts?: number;
  readonly attributes?: JsonObject;
  readonly type?: string;
  readonly data?: JsonObject;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Expectation {
  readonly path?: readonly string[] | readonly (readonly string[])[];
  readonly outcome?: 'processed' | 'dead-lettered';
  readonly deadLetter?: { readonly node: string; readonly reason?: string };
  readonly reply?: JsonObject | null;
  readonly attributes?: JsonObject;
  readonly telemetry?: JsonObject;
  readonly attachments?: readonly { device: string; supplier: string; supplyPoint: string; grid?: string }[];
  readonly alarms?: readonly (Pick<NamedAlarm, 'originator' | 'type'> & Partial<NamedAlarm>)[];
  readonly relations?: readonly { readonly from: string; readonly type: string; readonly to: string }[];
  readonly customers?: Readonly<Record<string, string>>;
  readonly events?: readonly { readonly type: string; readonly originator: string; readonly data: JsonObject }[];
  readonly logs?: readonly { readonly level: string; readonly text: string }[];
  /** What was sent to services outside: node -> bodies, in order. */
  readonly outside?: Readonly<Record<string, readonly JsonValue[]>>;
  /** Whatever is not named above is as it was before the first message. */
  readonly nothingElse?: boolean;
}

const check = compileSchema<unknown>(CHAIN_TEST_SCHEMA);
const MAX_DEPTH = 64;

/** Reads a test file; numbers of bodies keep their text, as they would on the wire. */
export function parseChainTest(
  file: string,
  text: string,
): { readonly ok: true; readonly value: ChainTestFile } | { readonly ok: false; readonly issues: readonly Issue[] } {
  const source = readJsonText(file, text);
  if (!source.ok || source.issues.length > 0) return { ok: false, issues: source.issues };
  const checked = check(source.value);
  if (!checked.ok) {
    return {
      ok: false,
      issues: checked.violations.map((violation): Issue => ({ file, level: 'error', ...violation })),
    };
  }
  const exact = parseJson(text.replace(/^\ufeff/, ''), { maxDepth: MAX_DEPTH });
  const value: JsonValue | unknown = exact.ok ? exact.value : checked.value;
  const tests = value as ChainTestFile;
  const issues = tests.cases.flatMap(({ given = {} }, index) =>
    alarmRuleIssues(given).map(({ at, ...issue }): Issue => {
      const place = `/cases/${index}/given/alarmRules${at}`;
      return { file, at: place, rule: 'invalid-alarm-rule', level: 'error', ...issue };
    }),
  );
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: tests };
}
