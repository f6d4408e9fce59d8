import type { Issue } from '../schema/issue.ts';
import { nearest } from '../schema/validate.ts';
import { LEAVES, type Leaf } from './settings.ts';

export interface ConfigFlag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What stands behind the flag in help. */
  readonly value?: string;
  readonly summary: string;
}

/** Values of flags as typed; a boolean flag may also be text: `--store-sync=false`. */
export type GivenFlags = Readonly<Record<string, string | boolean | undefined>>;

/** Every flag of `serve` by name. A secret has only its `-file` flag: words on a command line are seen by all users. */
export const CONFIG_FLAGS: Readonly<Record<string, ConfigFlag>> = Object.fromEntries([
  ['config', { type: 'string', short: 'c', value: '<file>', summary: 'configuration file (default: gridmoor.json)' }],
  ...LEAVES.map((leaf) => [flagName(leaf), flagOf(leaf)]),
]);

export function flagName(leaf: Leaf): string {
  return leaf.special === 'secret' ? `${leaf.flag}-file` : leaf.flag;
}

function flagOf(leaf: Leaf): ConfigFlag {
  const { schema } = leaf.field;
  const summary = String(schema.description);
  if (schema.type === 'boolean') return { type: 'boolean', summary };
  const value = leaf.special === 'secret' || leaf.special === 'path' ? '<path>' : `<${String(schema.type ?? 'word')}>`;
  return { type: 'string', value, summary, ...(leaf.flag === 'mqtt-bind-port' ? { short: 'p' } : {}) };
}

/** Reads `--name value`, `--name=value`, `--flag`, `--no-flag`, `-p` and `-c`. */
export function parseFlags(argv: readonly string[]): { readonly given: GivenFlags; readonly issues: readonly Issue[] } {
  const given: Record<string, string | boolean> = {};
  const issues: Issue[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const [raw = '', ...rest] = word.split('=');
    const inline = rest.length > 0 ? rest.join('=') : undefined;
    const name = longName(raw);
    const flag = Object.hasOwn(CONFIG_FLAGS, name) ? CONFIG_FLAGS[name] : undefined;
    const positive = name.startsWith('no-') ? name.slice(3) : '';
    if (flag === undefined && Object.hasOwn(CONFIG_FLAGS, positive) && CONFIG_FLAGS[positive]?.type === 'boolean') {
      given[positive] = false;
    } else if (flag === undefined) {
      issues.push(unknownFlag(raw, name));
      // The value of an unknown flag is not a finding of its own.
      if (inline === undefined && !(argv[at + 1] ?? '-').startsWith('-')) at++;
    } else if (flag.type === 'boolean') {
      given[name] = inline ?? true;
    } else {
      const value = inline ?? argv[++at];
      if (value === undefined)
        issues.push(flagIssue(name, 'missing-value', `needs a value: ${flag.value ?? '<value>'}`));
      else given[name] = value;
    }
  }
  return { given, issues };
}

function longName(raw: string): string {
  if (raw.startsWith('--')) return raw.slice(2);
  const short = raw.startsWith('-') ? raw.slice(1) : '';
  return Object.entries(CONFIG_FLAGS).find(([, flag]) => flag.short === short && short !== '')?.[0] ?? raw;
}

function unknownFlag(raw: string, name: string): Issue {
  if (LEAVES.some((leaf) => leaf.special === 'secret' && leaf.flag === name)) {
    const hint = `use --${name}-file, the environment, or gridmoor.json`;
    return flagIssue(name, 'secret-on-command-line', 'a secret on the command line can be seen by every user', hint);
  }
  const near = nearest(name, Object.keys(CONFIG_FLAGS));
  return { ...flagIssue(name, 'unknown-setting', `there is no flag ${raw}`, near && `did you mean --${near}?`) };
}

export function flagIssue(name: string, rule: string, problem: string, hint?: string): Issue {
  return { file: `flag --${name}`, at: '', rule, level: 'error', problem, ...(hint ? { hint } : {}) };
}
