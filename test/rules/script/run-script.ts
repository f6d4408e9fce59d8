import type { ScriptProblem } from '../../../src/rules/script/index.ts';
import { prepareScript, type ScriptOptions } from '../../../src/rules/script/script.ts';
import type { Value } from '../../../src/rules/script/values.ts';

export const NOW = 1_750_000_000_000;

/** What a script gives for a body; throws when it is refused or fails. */
export function runScript(text: string, msg: unknown = {}, options: ScriptOptions = {}): unknown {
  const prepared = prepareScript(text, options);
  if (!prepared.ok) throw new Error(`refused: ${JSON.stringify(prepared.problems)}`);
  return prepared.script.run(
    [msg as Value, { deviceName: 'meter-1' }, 'POST_TELEMETRY_REQUEST'],
    NOW,
    (value) => value,
  );
}

export const runTbel = (text: string, msg: unknown = {}): unknown => runScript(text, msg, { lang: 'TBEL' });

/** Why a script is refused; empty when it is not. */
export function refusals(text: string, options: ScriptOptions = {}): readonly ScriptProblem[] {
  const prepared = prepareScript(text, options);
  return prepared.ok ? [] : prepared.problems;
}
