import type { Compiler } from './compiler.ts';
import { toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import { BREAK, CONTINUE, Frame, NORMAL, RETURN, Scope, type Signal, type Step } from './frame.ts';
import { compileLoop } from './loops.ts';
import { readMember } from './members.ts';
import { namesOf } from './patterns.ts';
import { refuseStatement } from './refusals.ts';
import {
  type IfStatement,
  measureOf,
  type ReturnStatement,
  type Statement,
  type SwitchStatement,
  type ThrowStatement,
  type TryStatement,
  type VariableDeclaration,
} from './syntax.ts';
import { caughtError, isObject } from './values.ts';

/** One statement as a closure; whatever has no case here is not in the language. */
export function compileStatement(node: Statement, scope: Scope, c: Compiler): Step {
  switch (node.type) {
    case 'ExpressionStatement': {
      const run = c.expression(node.expression, scope);
      return (frame) => {
        run(frame);
        return NORMAL;
      };
    }
    case 'VariableDeclaration':
      return declaration(node, scope, c);
    case 'FunctionDeclaration':
    case 'EmptyStatement':
      // A function is made where its block begins.
      return () => NORMAL;
    case 'BlockStatement':
      return c.block(node.body, scope);
    case 'IfStatement':
      return branch(node, scope, c);
    case 'ReturnStatement':
      return returning(node, scope, c);
    case 'BreakStatement':
    case 'ContinueStatement': {
      if (node.label) c.refuse(node, 'labels are not in the language', 'put the loops into a function and return');
      const signal = node.type === 'BreakStatement' ? BREAK : CONTINUE;
      return () => signal;
    }
    case 'SwitchStatement':
      return switching(node, scope, c);
    case 'ThrowStatement':
      return throwing(node, scope, c);
    case 'TryStatement':
      return trying(node, scope, c);
    case 'ForStatement':
    case 'ForOfStatement':
    case 'ForInStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      return compileLoop(node, scope, c);
    default:
      return refuseStatement(node, c);
  }
}

/** Statements with a scope of their own; functions declared among them are there from the first on. */
export function compileBlock(body: readonly Statement[], outer: Scope, c: Compiler): Step {
  const lexical = body.filter((node) => node.type === 'VariableDeclaration' && node.kind !== 'var');
  if (lexical.length === 0) return sequence(body, outer, c);
  const ownFrame =
    body.some((node) => measureOf(node).holdsFunction) || body.some((node) => node.type === 'FunctionDeclaration');
  const shape = ownFrame ? { size: 0, parent: outer.frame } : outer.frame;
  const scope = new Scope(shape, outer);
  declareLexical(lexical, scope);
  const run = sequence(body, scope, c);
  return ownFrame ? (frame) => run(new Frame([], frame)) : run;
}

/** Declares let and const of these statements. */
export function declareLexical(body: readonly Statement[], scope: Scope): void {
  for (const node of body) {
    if (node.type !== 'VariableDeclaration' || node.kind === 'var') continue;
    for (const { id } of node.declarations) for (const name of namesOf(id)) scope.declare(name, node.kind === 'const');
  }
}

function sequence(body: readonly Statement[], scope: Scope, c: Compiler): Step {
  const functions = body.flatMap((node) => {
    if (node.type !== 'FunctionDeclaration') return [];
    const make = c.functionValue(node, scope);
    const bind = c.binder(node.id, scope);
    return [(frame: Frame): void => bind(frame, make(frame))];
  });
  const steps = body.filter((node) => node.type !== 'FunctionDeclaration').map((node) => c.statement(node, scope));
  const [first, second] = steps;
  if (functions.length === 0 && steps.length === 1 && first) return first;
  if (functions.length === 0 && steps.length === 2 && first && second) {
    return (frame) => {
      const signal = first(frame);
      return signal === NORMAL ? second(frame) : signal;
    };
  }
  return (frame) => {
    for (const declare of functions) declare(frame);
    for (const step of steps) {
      const signal = step(frame);
      if (signal !== NORMAL) return signal;
    }
    return NORMAL;
  };
}

function declaration(node: VariableDeclaration, scope: Scope, c: Compiler): Step {
  if (c.language.lang === 'TBEL' && node.kind !== 'var') {
    c.refuse(node, `TBEL has no ${node.kind}`, 'declare it with var');
  }
  const parts = node.declarations.flatMap(({ id, init }) => {
    if (!init && node.kind === 'var') return [];
    // A const is bound once, here: the binder of an assignment would refuse it.
    const bind = node.kind === 'const' ? constBinder(id, scope, c) : c.binder(id, scope);
    const value = init ? c.expression(init, scope) : () => c.language.absent;
    return [(frame: Frame): void => bind(frame, value(frame))];
  });
  const [only] = parts;
  if (parts.length === 1 && only) {
    return (frame) => {
      only(frame);
      return NORMAL;
    };
  }
  return (frame) => {
    for (const part of parts) part(frame);
    return NORMAL;
  };
}

function constBinder(id: VariableDeclaration['declarations'][number]['id'], scope: Scope, c: Compiler) {
  return c.binder(id, scope.unlocked());
}

function branch(node: IfStatement, scope: Scope, c: Compiler): Step {
  const test = c.condition(node.test, scope);
  const yes = c.statement(node.consequent, scope);
  const no = node.alternate ? c.statement(node.alternate, scope) : undefined;
  return no ? (frame) => (test(frame) ? yes(frame) : no(frame)) : (frame) => (test(frame) ? yes(frame) : NORMAL);
}

function returning(node: ReturnStatement, scope: Scope, c: Compiler): Step {
  const m = c.meter;
  const value = node.argument ? c.expression(node.argument, scope) : () => c.language.absent;
  return (frame) => {
    m.returned = value(frame);
    m.at = node.start;
    return RETURN;
  };
}

function switching(node: SwitchStatement, outer: Scope, c: Compiler): Step {
  const m = c.meter;
  const scope = new Scope(outer.frame, outer);
  declareLexical(
    node.cases.flatMap((one) => one.consequent),
    scope,
  );
  const subject = c.expression(node.discriminant, outer);
  const equals = c.language.equals;
  const tests = node.cases.map((one) => (one.test ? c.expression(one.test, scope) : undefined));
  const bodies = node.cases.map((one) => sequence(one.consequent, scope, c));
  const fallback = tests.indexOf(undefined);
  return (frame) => {
    const value = subject(frame);
    let start = tests.findIndex((test) => {
      if (test === undefined) return false;
      const other = test(frame);
      m.at = node.start;
      return equals(value, other, m);
    });
    if (start < 0) start = fallback;
    if (start < 0) return NORMAL;
    for (let index = start; index < bodies.length; index++) {
      const signal: Signal = bodies[index]?.(frame) ?? NORMAL;
      if (signal === BREAK) return NORMAL;
      if (signal !== NORMAL) return signal;
    }
    return NORMAL;
  };
}

/** `throw 'why'` and `throw new Error('why')`: the message fails with that reason. */
function throwing(node: ThrowStatement, scope: Scope, c: Compiler): Step {
  if (c.language.lang === 'TBEL') c.refuse(node, 'TBEL has no throw', "write raiseError('why')");
  const m = c.meter;
  const thrown = c.expression(node.argument, scope);
  return (frame) => {
    const value = thrown(frame);
    m.at = node.start;
    throw new ScriptFailure(
      toText(isObject(value) ? (readMember(value, 'message') ?? 'an object was thrown') : value, m),
    );
  };
}

function trying(node: TryStatement, outer: Scope, c: Compiler): Step {
  if (c.language.lang === 'TBEL') c.refuse(node, 'TBEL has no try', 'test the value before it is used');
  const m = c.meter;
  const block = c.block(node.block.body, outer);
  const { handler } = node;
  const scope = new Scope(outer.frame, outer);
  if (handler?.param) for (const name of namesOf(handler.param)) scope.declare(name);
  const bind = handler?.param ? c.binder(handler.param, scope) : undefined;
  const rescue = handler ? c.block(handler.body.body, scope) : undefined;
  const last = node.finalizer ? c.block(node.finalizer.body, outer) : undefined;
  const guarded: Step = (frame) => {
    const { depth } = m;
    try {
      return block(frame);
    } catch (error) {
      if (!(error instanceof ScriptFailure) || error.final || rescue === undefined) throw error;
      m.depth = depth;
      bind?.(frame, caughtError(error));
      return rescue(frame);
    }
  };
  if (last === undefined) return guarded;
  return (frame) => {
    const { depth } = m;
    let signal: Signal;
    try {
      signal = guarded(frame);
    } catch (error) {
      if (!(error instanceof ScriptFailure) || error.final) throw error;
      m.depth = depth;
      const ended = last(frame);
      if (ended !== NORMAL) return ended;
      throw error;
    }
    const returned = m.returned;
    const ended = last(frame);
    if (ended !== NORMAL) return ended;
    m.returned = returned;
    return signal;
  };
}
