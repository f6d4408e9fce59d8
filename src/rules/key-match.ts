import { compilePattern } from './condition-pattern.ts';
import { NodeFailure, type NodeLintIssue, type RawConfig } from './node-kind.ts';
import { ONE_PART, partOf } from './upgrade-steps.ts';

/** What a regular expression reads otherwise than as itself. */
const SYNTAX = /[\\^$.*+?()[\]{}|]/;

interface KeyConfig {
  readonly msg: readonly string[];
  readonly metadata: readonly string[];
  readonly regex: boolean;
}

/** Tells the named keys: by globs, or by regular expressions of the whole key, which cannot backtrack. */
export function compileKeys(keys: readonly string[], regex: boolean): (key: string) => boolean {
  return regex ? patternMatcher(keys) : globMatcher(keys);
}

export function* lintKeys({ msg, metadata, regex }: KeyConfig): Generator<NodeLintIssue> {
  if (msg.length + metadata.length === 0)
    yield { at: '', problem: 'no key is named: nothing changes', level: 'warning' };
  if (!regex) return;
  for (const [field, keys] of Object.entries({ msg, metadata })) {
    for (const [index, key] of keys.entries()) {
      const pattern = wholeKey(key);
      if (!pattern.ok) yield { at: `/${field}/${index}`, problem: pattern.problem };
    }
  }
}

/** ThingsBoard's keys, which are all regular expressions, of the part that `sourceField` names. */
export function readKeys(sourceField: string, source: unknown, keys: unknown): RawConfig {
  const part = partOf(sourceField, source);
  if (!isTexts(keys)) throw new NodeFailure('"keys" is missing or no list of texts');
  return keys.some((key) => SYNTAX.test(key)) ? { [part]: keys, regex: true } : { [part]: keys };
}

/** The other way round. */
export function writeKeys(sourceField: string, { msg = [], metadata = [], regex = false }: RawConfig): RawConfig {
  if (!isTexts(msg) || !isTexts(metadata)) throw new NodeFailure('keys must be lists of texts');
  if (msg.length > 0 && metadata.length > 0) throw new NodeFailure(ONE_PART);
  const keys = msg.length > 0 ? msg : metadata;
  return {
    [sourceField]: metadata.length > 0 ? 'METADATA' : 'DATA',
    keys: regex === true ? keys : keys.map(regexOfGlob),
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

const wholeKey = (pattern: string) => compilePattern(`^(?:${pattern})$`);

function patternMatcher(patterns: readonly string[]): (key: string) => boolean {
  const tests = patterns.map((pattern) => {
    const compiled = wholeKey(pattern);
    if (!compiled.ok) throw new Error(compiled.problem);
    return compiled.test;
  });
  return (key) => tests.some((test) => test(key));
}

const regexOfGlob = (glob: string): string => glob.replace(/[\\^$.+?()[\]{}|]/g, '\\$&').replaceAll('*', '.*');

function globMatcher(patterns: readonly string[]): (key: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'));
  return (key) => exact.has(key) || globs.some((parts) => matchesGlob(key, parts));
}

/** Linear: each part is looked for once, from left to right; the last one must end the key. */
function matchesGlob(key: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!key.startsWith(first) || !key.endsWith(last) || key.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = key.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= key.length - last.length;
}
