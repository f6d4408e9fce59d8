import { NodeFailure } from '../node-kind.ts';
import type { Compiler, ScriptProblem } from './compiler.ts';
import { Ruler, takeIn } from './data.ts';
import { compileExpression } from './expressions.ts';
import { ScriptFailure } from './failure.ts';
import { Frame, RETURN, Scope, type Step } from './frame.ts';
import { compileFunction } from './functions.ts';
import { assignedNames, declareAll, hoistedNames } from './hoist.ts';
import { javaScript } from './javascript.ts';
import type { Language, ScriptLang } from './language.ts';
import { DEFAULT_SCRIPT_LIMITS, MAX_SCRIPT_LENGTH, type ScriptLimits } from './limits.ts';
import { Meter } from './meter.ts';
import { truthOf } from './operators.ts';
import { compileBinder } from './patterns.ts';
import { placeOf } from './place.ts';
import { compileBlock, compileStatement } from './statements.ts';
import { type Node, parseScript, type Statement } from './syntax.ts';
import { tbel } from './tbel.ts';
import { readTbel } from './tbel-source.ts';
import type { Value } from './values.ts';

export interface ScriptOptions {
  readonly lang?: ScriptLang;
  /** Names of the arguments, in order. */
  readonly params?: readonly string[];
  readonly limits?: Partial<ScriptLimits>;
}

/** A script that was checked and compiled. It keeps nothing from one run to the next. */
export interface Script {
  /**
   * Runs it; the arguments are never changed. `now` is the wall time of the message, ms. `read` makes something of the
   * result while the run's limits still hold.
   * @throws NodeFailure with line and column, when the script fails, passes a limit or gives something unfit.
   */
  run<T>(args: readonly Value[], now: number, read: (result: Value, ruler: Ruler) => T): T;
}

export type ScriptResult =
  | { readonly ok: true; readonly script: Script }
  | { readonly ok: false; readonly problems: readonly [ScriptProblem, ...ScriptProblem[]] };

export const MSG_PARAMS = ['msg', 'metadata', 'msgType'] as const;
const MAX_PROBLEMS = 20;

/** Parses a script, checks it against the language and compiles it. Never throws. */
export function prepareScript(text: string, options: ScriptOptions = {}): ScriptResult {
  const { lang = 'JS', params = MSG_PARAMS } = options;
  if (text.length > MAX_SCRIPT_LENGTH) {
    return refusal({ line: 1, column: 1, problem: `the script is longer than ${MAX_SCRIPT_LENGTH} characters` });
  }
  const source = lang === 'TBEL' ? readTbel(text) : { ok: true as const, text, offsetOf: (offset: number) => offset };
  if (!source.ok) return refusal({ ...placeOf(text, source.offset), problem: source.problem, hint: source.hint });
  const parsed = parseScript(source.text);
  if (!parsed.ok) {
    return refusal({ ...placeOf(text, source.offsetOf(parsed.offset)), problem: `syntax: ${parsed.problem}` });
  }
  const problems: ScriptProblem[] = [];
  const note = (node: Node, problem: string, hint?: string): void => {
    const place = placeOf(text, source.offsetOf(node.start));
    if (problems.length < MAX_PROBLEMS) problems.push({ ...place, problem, ...(hint === undefined ? {} : { hint }) });
  };
  const meter = new Meter({ ...DEFAULT_SCRIPT_LIMITS, ...options.limits });
  const language = lang === 'TBEL' ? tbel : javaScript;
  const { body } = parsed.program;
  const compiler = createCompiler({ language, meter, assigned: assignedNames(parsed.program), note });
  for (const param of params) compiler.root.declare(param);
  declareAll(hoistedNames(body), compiler.root);
  const main = compiler.block(body as Statement[], compiler.root);
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  const [first, ...more] = problems;
  if (first) return { ok: false, problems: [first, ...more] };
  const place = (offset: number) => placeOf(text, source.offsetOf(offset));
  return { ok: true, script: createScript(main, compiler, params.length, place) };
}

function refusal(problem: Omit<ScriptProblem, 'hint'> & { readonly hint?: string | undefined }): ScriptResult {
  const { hint, ...rest } = problem;
  return { ok: false, problems: [{ ...rest, ...(hint === undefined ? {} : { hint }) }] };
}

interface CompilerParts {
  readonly language: Language;
  readonly meter: Meter;
  readonly assigned: ReadonlySet<string>;
  readonly note: (node: Node, problem: string, hint?: string) => void;
}

function createCompiler({ language, meter, assigned, note }: CompilerParts): Compiler {
  const truth = truthOf(language.lang);
  const compiler: Compiler = {
    language,
    meter,
    assigned,
    root: new Scope({ size: 0, parent: undefined }, undefined),
    mutates: false,
    refuse(node, problem, hint) {
      note(node, problem, hint);
      return () => undefined;
    },
    expression: (node, scope) => compileExpression(node, scope, compiler),
    condition(node, scope) {
      const value = compiler.expression(node, scope);
      return (frame) => {
        const result = value(frame);
        if (typeof result === 'boolean') return result;
        meter.at = node.start;
        return truth(result);
      };
    },
    statement: (node, scope) => compileStatement(node, scope, compiler),
    block: (body, scope) => compileBlock(body, scope, compiler),
    binder: (pattern, scope) => compileBinder(pattern, scope, compiler),
    functionValue: (node, scope) => compileFunction(node, scope, compiler),
  };
  return compiler;
}

type Place = (offset: number) => { readonly line: number; readonly column: number };

function createScript(main: Step, { meter, mutates, language }: Compiler, count: number, place: Place): Script {
  return {
    run(args, now, read) {
      meter.start(now);
      try {
        const ruler = new Ruler('message', meter.limits.arguments);
        const vars: Value[] = [];
        for (let index = 0; index < count; index++) vars.push(takeIn(args[index], ruler, mutates));
        const signal = main(new Frame(vars));
        const result = signal === RETURN ? meter.returned : language.absent;
        return read(result, new Ruler('result', meter.limits.result));
      } catch (error) {
        throw explain(error, place(meter.at));
      }
    },
  };
}

/** What an engineer reads: where in the script, and why. Errors that are no failure of the script stay what they are. */
function explain(error: unknown, { line, column }: ReturnType<Place>): unknown {
  if (error instanceof ScriptFailure) return new NodeFailure(`script line ${line}, column ${column}: ${error.message}`);
  return error;
}
