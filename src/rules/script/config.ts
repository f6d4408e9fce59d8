import { type Config, type Field, json, oneOf, optional } from '../../schema/fields.ts';
import { NodeFailure, type NodeLintIssue, type RawConfig, type ThingsBoardForm } from '../node-kind.ts';
import { compileScript, type MsgScript, type MsgScriptResult } from './msg-script.ts';
import { MSG_PARAMS } from './script.ts';

const SOURCE = {
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
} as const;

/** A script's text, or its lines: a list reads and merges better in JSON. */
const source = (description: string, example: readonly string[]): Field<string | readonly string[] | undefined> =>
  optional(json<string | readonly string[]>(description, SOURCE, { examples: [example] }));

/** The members of a config that hold a script, with ThingsBoard's names. */
export function scriptFields(
  example: { readonly js: readonly string[]; readonly tbel: readonly string[] },
  params: readonly string[] = MSG_PARAMS,
) {
  return {
    scriptLang: oneOf('Language of the script that runs.', ['JS', 'TBEL'], { default: 'JS' }),
    jsScript: source(`Body of a JavaScript function of ${listed(params)}; a text, or its lines.`, example.js),
    tbelScript: source('The same in TBEL.', example.tbel),
  };
}

const listed = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

export type ScriptConfig = Config<ReturnType<typeof scriptFields>>;

/** Compiles the script that a config names. */
function compileOf(config: ScriptConfig, params: readonly string[]): MsgScriptResult {
  const { at, text } = activeScript(config);
  if (text === undefined) {
    const problem = `there is no ${at.slice(1)}, which scriptLang ${config.scriptLang} asks for`;
    return { ok: false, problems: [{ line: 1, column: 1, problem }] };
  }
  return compileScript(text, { lang: config.scriptLang, params });
}

function activeScript({ scriptLang, jsScript, tbelScript }: ScriptConfig): { at: string; text: string | undefined } {
  const [at, source] = scriptLang === 'JS' ? ['/jsScript', jsScript] : ['/tbelScript', tbelScript];
  return { at, text: typeof source === 'object' ? source.join('\n') : source };
}

/** Every construct of a script that is not in the language, with its place. */
export function* lintScript(config: ScriptConfig, params: readonly string[] = MSG_PARAMS): Iterable<NodeLintIssue> {
  const compiled = compileOf(config, params);
  if (compiled.ok) return;
  const { at } = activeScript(config);
  for (const { line, column, problem, hint } of compiled.problems) {
    yield { at, problem: `line ${line}, column ${column}: ${problem}`, ...(hint === undefined ? {} : { hint }) };
  }
}

/** The script of a config that lint has let pass. */
export function scriptOf(config: ScriptConfig, params: readonly string[] = MSG_PARAMS): MsgScript {
  const compiled = compileOf(config, params);
  if (compiled.ok) return compiled.script;
  const [{ line, column, problem }] = compiled.problems;
  throw new Error(`line ${line}, column ${column}: ${problem}`);
}

/** Whether a script of the language that runs is there at all: for kinds that can do without. */
export function hasScript(config: ScriptConfig): boolean {
  return activeScript(config).text !== undefined;
}

/** ThingsBoard's form of a kind that is a script and nothing else. */
export function scriptForm(type: string): ThingsBoardForm {
  return { type, version: 0, read: (configuration) => readScript(configuration), write: writeScript };
}

/** ThingsBoard's members are ours. @throws NodeFailure for a script that is not in the language. */
export function readScript(configuration: RawConfig, params: readonly string[] = MSG_PARAMS): RawConfig {
  const { scriptLang, jsScript, tbelScript } = configuration;
  const lang = scriptLang === 'TBEL' ? 'TBEL' : 'JS';
  const text = lang === 'TBEL' ? tbelScript : jsScript;
  if (typeof text !== 'string') return configuration;
  const compiled = compileScript(text, { lang, params });
  if (compiled.ok) return configuration;
  const [{ line, column, problem, hint }] = compiled.problems;
  throw new NodeFailure(`script line ${line}, column ${column}: ${problem}${hint === undefined ? '' : ` (${hint})`}`);
}

/** A script in lines becomes one text. */
export function writeScript(config: RawConfig): RawConfig {
  const joined = Object.entries(config).map(([key, value]) => [key, isLines(key, value) ? value.join('\n') : value]);
  return Object.fromEntries(joined);
}

const isLines = (key: string, value: unknown): value is unknown[] => key.endsWith('Script') && Array.isArray(value);
