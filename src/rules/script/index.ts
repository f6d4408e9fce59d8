export type { ScriptProblem } from './compiler.ts';
export type { ScriptLang } from './language.ts';
export { DEFAULT_SCRIPT_LIMITS, type ScriptLimits } from './limits.ts';
export { compileScript, type MsgScript, type MsgScriptResult } from './msg-script.ts';
