import type { Exec, Frame, Scope, Step } from './frame.ts';
import type { Language } from './language.ts';
import type { Meter } from './meter.ts';
import type {
  ArrowFunctionExpression,
  Expression,
  Function as FunctionNode,
  Node,
  Pattern,
  Statement,
} from './syntax.ts';
import type { ScriptFunction, Value } from './values.ts';

/** One thing of a script that is not in the language, or not right. */
export interface ScriptProblem {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly problem: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** Puts a value where a pattern of variables, members and parts of lists and objects wants it. */
export type Binder = (frame: Frame, value: Value) => void;

/**
 * The parts of the compiler as they see each other; `script.ts` puts them together. A construct that no part has a case
 * for is refused: the compiler itself is the whitelist.
 */
export interface Compiler {
  readonly language: Language;
  readonly meter: Meter;
  /** Names that are assigned somewhere: one without a declaration becomes a variable of the whole script. */
  readonly assigned: ReadonlySet<string>;
  readonly root: Scope;
  /** Set when the script can change an object or list: only then its arguments are copied. */
  mutates: boolean;
  /** Notes the problem; the closure given back is never run. */
  refuse(node: Node, problem: string, hint?: string): Exec;
  expression(node: Expression, scope: Scope): Exec;
  /** An expression as a condition: by truth in JavaScript, a real boolean in TBEL. */
  condition(node: Expression, scope: Scope): (frame: Frame) => boolean;
  statement(node: Statement, scope: Scope): Step;
  block(body: readonly Statement[], scope: Scope): Step;
  binder(pattern: Pattern, scope: Scope): Binder;
  /** What makes the function each time the place is reached. */
  functionValue(node: FunctionNode | ArrowFunctionExpression, scope: Scope): (frame: Frame) => ScriptFunction;
}
