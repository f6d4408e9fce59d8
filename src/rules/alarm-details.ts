import { type JsonValue, stringifyJson } from '../model/json.ts';
import { type Msg, withMsg } from '../model/msg.ts';
import type { Config } from '../schema/fields.ts';
import type { NodeLintIssue, RawConfig } from './node-kind.ts';
import { lintScript, type ScriptConfig, scriptFields, scriptOf } from './script/index.ts';

const { scriptLang, jsScript, tbelScript } = scriptFields({
  js: ['return { temperature: msg.temperature };'],
  tbel: ['return { temperature: msg.temperature };'],
});

/** The script of alarm nodes, with ThingsBoard's names. Without one an alarm keeps its details. */
export const detailsFields = { scriptLang, alarmDetailsBuildJs: jsScript, alarmDetailsBuildTbel: tbelScript };
type DetailsConfig = Config<typeof detailsFields>;

const NAMES = { '/jsScript': '/alarmDetailsBuildJs', '/tbelScript': '/alarmDetailsBuildTbel' } as const;
const nameOf = (at: string): string => NAMES[at as keyof typeof NAMES] ?? at;

const toScript = ({ scriptLang, alarmDetailsBuildJs, alarmDetailsBuildTbel }: DetailsConfig): ScriptConfig => ({
  scriptLang,
  jsScript: alarmDetailsBuildJs,
  tbelScript: alarmDetailsBuildTbel,
});
const hasScript = ({ jsScript, tbelScript }: ScriptConfig): boolean =>
  jsScript !== undefined || tbelScript !== undefined;

export function* lintDetails(config: DetailsConfig): Iterable<NodeLintIssue> {
  const script = toScript(config);
  if (!hasScript(script)) return;
  for (const issue of lintScript(script)) {
    yield {
      ...issue,
      at: nameOf(issue.at),
      problem: issue.problem.replace(/(js|tbel)Script/, (at) => nameOf(`/${at}`).slice(1)),
    };
  }
}

/** What the script makes of the message and, in metadata `prevAlarmDetails`, the details so far. Undefined: no script. */
export function compileDetails(
  config: DetailsConfig,
): ((msg: Msg, now: number, former: JsonValue | undefined) => JsonValue) | undefined {
  const given = toScript(config);
  if (!hasScript(given)) return undefined;
  const script = scriptOf(given);
  return (msg, now, former) => {
    const { prevAlarmDetails: _, ...metadata } = msg.metadata;
    const known = former === undefined ? metadata : { ...metadata, prevAlarmDetails: stringifyJson(former) };
    return script.json(withMsg(msg, { metadata: known }), now);
  };
}

/** ThingsBoard writes null for a script that is not there; one in lines becomes one text there. */
export function readDetails(configuration: RawConfig): RawConfig {
  return Object.fromEntries(
    Object.entries(configuration).filter(
      ([key, value]) => key !== 'version' && !(key.startsWith('alarmDetailsBuild') && value === null),
    ),
  );
}
export function writeDetails(config: RawConfig): RawConfig {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      Array.isArray(value) && key.startsWith('alarmDetailsBuild') ? value.join('\n') : value,
    ]),
  );
}
