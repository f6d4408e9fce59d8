/** What one run of a script may use. Every bound is exact: the same script and message always end the same way. */
export interface ScriptLimits {
  /** Loop turns and calls, weighted by the size of what they run; built-ins take some for long texts and lists. */
  readonly fuel: number;
  /** Nested calls, each weighted by how deep its function's code nests. */
  readonly depth: number;
  /** Characters of a text. */
  readonly text: number;
  /** Items of a list, members of an object. */
  readonly items: number;
  /** Characters of all arguments together, nearly as JSON text. */
  readonly arguments: number;
  /** Characters of the result, nearly as JSON text. */
  readonly result: number;
}

export const DEFAULT_SCRIPT_LIMITS: ScriptLimits = {
  fuel: 200_000,
  depth: 1_000,
  text: 100_000,
  items: 10_000,
  arguments: 100_000,
  result: 300_000,
};

/** Characters of a script's source. */
export const MAX_SCRIPT_LENGTH = 50_000;
/** Levels of a syntax tree: every level costs stack when the script is compiled and when it runs. */
export const MAX_SYNTAX_DEPTH = 250;
/** Levels of a value: all that walk one go no deeper. */
export const MAX_VALUE_DEPTH = 64;
/** Characters of a member's name. */
export const MAX_KEY_LENGTH = 1_000;
