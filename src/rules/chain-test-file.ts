import type { JsonObject, JsonValue } from '../model/json.ts';
import { parseJson } from '../model/json.ts';
import type { Issue } from '../schema/issue.ts';
import { compileSchema } from '../schema/validate.ts';
import { CHAIN_TEST_SCHEMA } from './chain-test-format.ts';
import { readJsonText } from './json-source.ts';
import type { TestGiven } from './test-context.ts';

export interface ChainTestFile {
  readonly chain?: string;
  readonly cases: readonly ChainTestCase[];
}

export interface ChainTestCase {
  readonly name: string;
  readonly given?: TestGiven;
  readonly when: readonly TestMessage[];
  readonly then: Expectation;
}

export interface TestMessage {
  readonly from: string;
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
  readonly alarms?: readonly never[];
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
  return { ok: true, value: value as ChainTestFile };
}
