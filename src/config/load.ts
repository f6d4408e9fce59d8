import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Secret } from '../model/secret.ts';
import type { Issue } from '../schema/issue.ts';
import { readJsonFile } from '../schema/json-file.ts';
import { readSecretFile } from '../schema/secret-file.ts';
import { compileSchema } from '../schema/validate.ts';
import { checkValue, fromText } from './check-value.ts';
import { configSchema } from './config-schema.ts';
import { crossChecks } from './cross-checks.ts';
import { checkEnvironmentNames, environmentIssue, isForeign } from './environment.ts';
import { flagIssue, flagName, type GivenFlags, parseFlags } from './flags.ts';
import { type Config, LEAVES, type Leaf, type Source, type Sources } from './settings.ts';

export interface ConfigInput {
  /** Words behind `serve`. */
  readonly argv?: readonly string[];
  /** Flags that a command line frame has parsed already. */
  readonly flags?: GivenFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly sources: Sources; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

interface Found {
  readonly value: unknown;
  readonly source: Source;
}

interface ConfigFile {
  readonly path: string;
  readonly name: string;
  readonly sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Flags over environment over `gridmoor.json` over defaults. Gives every finding at once; never throws for bad input. */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const issues: Issue[] = [];
  const flags = parseFlags(input.argv ?? []);
  issues.push(...flags.issues, ...checkEnvironmentNames(input.env));
  const given: GivenFlags = { ...input.flags, ...flags.given };
  const file = await readConfigFile(given, input, issues);
  const sources: Record<string, Source> = {};
  const tree: Record<string, Record<string, unknown>> = {};
  for (const leaf of LEAVES) {
    const found =
      fromFlag(leaf, given, input, issues) ??
      fromEnvironment(leaf, input, issues) ??
      fromFile(leaf, file, issues) ??
      ({ value: defaultOf(leaf, input.cwd), source: { kind: 'default' } } satisfies Found);
    tree[leaf.section] = { ...tree[leaf.section], [leaf.key]: found.value };
    sources[leaf.at] = found.source;
  }
  const config = tree as unknown as Config;
  if (!issues.some((issue) => issue.level === 'error')) issues.push(...crossChecks(config, sources));
  if (issues.some((issue) => issue.level === 'error')) return { ok: false, issues };
  return { ok: true, config, sources, warnings: issues };
}

async function readConfigFile(given: GivenFlags, input: ConfigInput, issues: Issue[]): Promise<ConfigFile | undefined> {
  const asked = typeof given.config === 'string' ? given.config : input.env.GRIDMOOR_CONFIG || undefined;
  const name = asked ?? 'gridmoor.json';
  const path = resolve(input.cwd, name);
  const read = await readJsonFile(path, { maxBytes: 1024 * 1024, maxDepth: 8, uniqueKeys: true });
  if (!read.ok) {
    if (!read.missing || asked !== undefined) issues.push({ ...read.issue, file: name });
    return undefined;
  }
  // The check fills defaults in; the copy keeps what the file says apart from them.
  const checked = compileSchema(configSchema())(structuredClone(read.value));
  if (!checked.ok) {
    issues.push(...checked.violations.map((violation) => ({ file: name, level: 'error' as const, ...violation })));
    return undefined;
  }
  return { path, name, sections: read.value as ConfigFile['sections'] };
}

function fromFlag(leaf: Leaf, given: GivenFlags, input: ConfigInput, issues: Issue[]): Found | undefined {
  const name = flagName(leaf);
  const word = given[name];
  // A frame hands over `false` for a boolean flag that was not typed: only `--no-…` of our own parser means it.
  if (word === undefined || (word === false && input.flags !== undefined && input.argv === undefined)) return undefined;
  const fail = (rule: string, problem: string, hint?: string) => issues.push(flagIssue(name, rule, problem, hint));
  const source: Source = { kind: 'flag', name: `--${name}` };
  if (leaf.special === 'secret') return secretFile(leaf, String(word), input.cwd, source, fail);
  return { value: typed(leaf, String(word), input.cwd, fail), source };
}

function fromEnvironment(leaf: Leaf, input: ConfigInput, issues: Issue[]): Found | undefined {
  const word = input.env[leaf.env];
  const fileName = leaf.special === 'secret' ? input.env[`${leaf.env}_FILE`] : undefined;
  if (fileName) {
    const name = `${leaf.env}_FILE`;
    const fail = (rule: string, problem: string, hint?: string) =>
      issues.push(environmentIssue(name, rule, problem, hint));
    if (word) fail('two-sources', `${leaf.env} and ${name} are both set`, 'unset one of them');
    return secretFile(leaf, fileName, input.cwd, { kind: 'environment', name }, fail);
  }
  if (!word || isForeign(leaf.env, word)) return undefined;
  const fail = (rule: string, problem: string, hint?: string) =>
    issues.push(environmentIssue(leaf.env, rule, problem, hint));
  return { value: typed(leaf, word, input.cwd, fail), source: { kind: 'environment', name: leaf.env } };
}

function fromFile(leaf: Leaf, file: ConfigFile | undefined, issues: Issue[]): Found | undefined {
  const section = file?.sections[leaf.section];
  if (file === undefined || section === undefined) return undefined;
  const source: Source = { kind: 'file', name: file.name };
  const issue = (at: string, level: Issue['level'], rule: string, problem: string, hint?: string) =>
    issues.push({ file: file.name, at, level, rule, problem, ...(hint ? { hint } : {}) });
  const fail = (rule: string, problem: string, hint?: string) => issue(leaf.at, 'error', rule, problem, hint);
  const own = (key: string): unknown => (Object.hasOwn(section, key) ? section[key] : undefined);
  const value = own(leaf.key);
  if (leaf.special === 'secret') {
    const fileName = own(`${leaf.key}File`);
    if (typeof fileName === 'string') {
      if (value !== undefined)
        fail('two-sources', `${leaf.key} and ${leaf.key}File are both set`, 'remove one of them');
      return secretFile(leaf, fileName, dirname(file.path), source, fail);
    }
    if (value === undefined) return undefined;
    issue(
      leaf.at,
      'warning',
      'literal-secret',
      'a secret stands in a file in clear',
      `use ${leaf.key}File or ${leaf.env}`,
    );
    return { value: new Secret(String(value)), source };
  }
  if (value === undefined) return undefined;
  checkValue(leaf, value, fail);
  return { value: leaf.special === 'path' ? resolve(dirname(file.path), String(value)) : value, source };
}

type Fail = (rule: string, problem: string, hint?: string) => unknown;

function typed(leaf: Leaf, word: string, base: string, fail: Fail): unknown {
  const value = fromText(leaf, word, fail);
  if (value === undefined) return undefined;
  checkValue(leaf, value, fail);
  if (leaf.special === 'secret') return new Secret(word);
  return leaf.special === 'path' ? resolve(base, word) : value;
}

function secretFile(leaf: Leaf, name: string, base: string, source: Source, fail: Fail): Found {
  const read = readSecretFile(resolve(base, name));
  if (!read.ok) {
    fail('secret-file', `${name} ${read.problem}`);
    return { value: undefined, source };
  }
  checkValue(leaf, read.secret.reveal(), fail);
  return { value: read.secret, source };
}

/** The package's own folder: of the sources, and of `dist/` alike. */
const PACKAGE_DIR = fileURLToPath(new URL('../../', import.meta.url));

function defaultOf(leaf: Leaf, cwd: string): unknown {
  switch (leaf.at) {
    case '/files/profilesDir':
      return ownOrShipped(cwd, 'device-profiles');
    case '/files/chainsDir':
      return ownOrShipped(cwd, 'rule-chains');
    case '/instance/id':
      return (
        hostname()
          .replaceAll(/[^A-Za-z0-9._-]/g, '-')
          .slice(0, 64) || 'gridmoor'
      );
    default: {
      const value = leaf.field.schema.default;
      return leaf.special === 'path' && typeof value === 'string' ? resolve(cwd, value) : value;
    }
  }
}

/** The folder of the working directory; where there is none, the one in the package. */
function ownOrShipped(cwd: string, name: string): string {
  const own = resolve(cwd, name);
  return existsSync(own) ? own : resolve(PACKAGE_DIR, name);
}
