export type { ScriptProblem } from './compiler.ts';
export {
  hasScript,
  lintScript,
  readScript,
  type ScriptConfig,
  scriptFields,
  scriptForm,
  scriptOf,
  writeScript,
} from './config.ts';
export type { ScriptLang } from './language.ts';
export { DEFAULT_SCRIPT_LIMITS, type ScriptLimits } from './limits.ts';
export { compileScript, type MsgScript, type MsgScriptResult } from './msg-script.ts';
