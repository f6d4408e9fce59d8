import type { Binder, Compiler } from './compiler.ts';
import { ScriptFailure } from './failure.ts';
import { BREAK, Frame, NORMAL, RETURN, Scope, type Step } from './frame.ts';
import { weightOf } from './functions.ts';
import { hasMember, keysOf } from './members.ts';
import { namesOf } from './patterns.ts';
import {
  type DoWhileStatement,
  type ForInStatement,
  type ForOfStatement,
  type ForStatement,
  measureOf,
  type WhileStatement,
} from './syntax.ts';
import { isObject, nameOf, type Value } from './values.ts';

export type Loop = ForStatement | ForOfStatement | ForInStatement | WhileStatement | DoWhileStatement;

/** Loops: each turn takes fuel by the size of the loop. */
export function compileLoop(node: Loop, scope: Scope, c: Compiler): Step {
  switch (node.type) {
    case 'WhileStatement':
      return whileLoop(node, scope, c);
    case 'DoWhileStatement':
      return doLoop(node, scope, c);
    case 'ForStatement':
      return forLoop(node, scope, c);
    case 'ForOfStatement':
      if (node.await) c.refuse(node, '"await" is not in the language');
      return eachLoop(node, scope, c, itemsOf);
    case 'ForInStatement':
      if (c.language.lang === 'TBEL') c.refuse(node, 'TBEL has no for … in', 'write foreach (key : map.keys()) { … }');
      return eachLoop(node, scope, c, namesIn);
  }
}

function whileLoop(node: WhileStatement, scope: Scope, c: Compiler): Step {
  const m = c.meter;
  const weight = weightOf(node);
  const test = c.condition(node.test, scope);
  const body = c.statement(node.body, scope);
  return (frame) => {
    for (;;) {
      m.at = node.start;
      m.spend(weight);
      if (!test(frame)) return NORMAL;
      const signal = body(frame);
      if (signal === BREAK) return NORMAL;
      if (signal === RETURN) return signal;
    }
  };
}

function doLoop(node: DoWhileStatement, scope: Scope, c: Compiler): Step {
  const m = c.meter;
  const weight = weightOf(node);
  const body = c.statement(node.body, scope);
  const test = c.condition(node.test, scope);
  return (frame) => {
    do {
      m.at = node.start;
      m.spend(weight);
      const signal = body(frame);
      if (signal === BREAK) return NORMAL;
      if (signal === RETURN) return signal;
    } while (test(frame));
    return NORMAL;
  };
}

function forLoop(node: ForStatement, outer: Scope, c: Compiler): Step {
  const m = c.meter;
  const weight = weightOf(node);
  const lexical = node.init?.type === 'VariableDeclaration' && node.init.kind !== 'var';
  // A function made in the loop keeps the variables of its turn.
  const ownFrame = lexical && measureOf(node).holdsFunction;
  const scope = new Scope(ownFrame ? { size: 0, parent: outer.frame } : outer.frame, outer);
  if (node.init?.type === 'VariableDeclaration' && lexical) {
    const constant = node.init.kind === 'const';
    for (const { id } of node.init.declarations) for (const name of namesOf(id)) scope.declare(name, constant);
  }
  const init =
    node.init?.type === 'VariableDeclaration'
      ? c.statement(node.init, scope)
      : node.init
        ? c.expression(node.init, scope)
        : undefined;
  const test = node.test ? c.condition(node.test, scope) : undefined;
  const update = node.update ? c.expression(node.update, scope) : undefined;
  const body = c.statement(node.body, scope);
  return (outerFrame) => {
    let frame = ownFrame ? new Frame([], outerFrame) : outerFrame;
    init?.(frame);
    for (;;) {
      m.at = node.start;
      m.spend(weight);
      if (test && !test(frame)) return NORMAL;
      const signal = body(frame);
      if (signal === BREAK) return NORMAL;
      if (signal === RETURN) return signal;
      if (ownFrame) frame = new Frame([...frame.vars], outerFrame);
      update?.(frame);
    }
  };
}

/** The items of one turn after the other; undefined = the end. */
type Turns = (value: Value, c: Compiler) => () => { readonly item: Value } | undefined;

function eachLoop(node: ForOfStatement | ForInStatement, outer: Scope, c: Compiler, turnsOf: Turns): Step {
  const m = c.meter;
  const weight = weightOf(node);
  const lexical = node.left.type === 'VariableDeclaration' && node.left.kind !== 'var';
  const ownFrame = lexical && measureOf(node).holdsFunction;
  const scope = new Scope(ownFrame ? { size: 0, parent: outer.frame } : outer.frame, outer);
  const bind = loopBinder(node, scope, c);
  const subject = c.expression(node.right, outer);
  const body = c.statement(node.body, scope);
  return (outerFrame) => {
    const value = subject(outerFrame);
    m.at = node.right.start;
    const next = turnsOf(value, c);
    for (;;) {
      m.at = node.start;
      m.spend(weight);
      const turn = next();
      if (turn === undefined) return NORMAL;
      const frame = ownFrame ? new Frame([], outerFrame) : outerFrame;
      bind(frame, turn.item);
      const signal = body(frame);
      if (signal === BREAK) return NORMAL;
      if (signal === RETURN) return signal;
    }
  };
}

function loopBinder(node: ForOfStatement | ForInStatement, scope: Scope, c: Compiler): Binder {
  const { left } = node;
  if (left.type !== 'VariableDeclaration') return c.binder(left, scope);
  const [first] = left.declarations;
  if (first === undefined) throw new Error('a loop without a variable');
  if (left.kind === 'var') return c.binder(first.id, scope);
  if (c.language.lang === 'TBEL') c.refuse(left, `TBEL has no ${left.kind}`, 'write foreach (item : list) { … }');
  for (const name of namesOf(first.id)) scope.declare(name, left.kind === 'const');
  return c.binder(first.id, scope.unlocked());
}

function itemsOf(value: Value, c: Compiler): ReturnType<Turns> {
  let index = 0;
  if (typeof value === 'string') {
    return () => {
      const code = value.codePointAt(index);
      if (code === undefined) return undefined;
      const item = String.fromCodePoint(code);
      index += item.length;
      return { item };
    };
  }
  const list = Array.isArray(value)
    ? value
    : c.language.lang === 'TBEL' && isObject(value)
      ? c.language.entries(value, c.meter)
      : undefined;
  if (list === undefined) throw new ScriptFailure(`${nameOf(value)} is no list to go through`);
  return () => (index < list.length ? { item: list[index++] } : undefined);
}

function namesIn(value: Value, c: Compiler): ReturnType<Turns> {
  if (value === null || value === undefined) return () => undefined;
  const keys = keysOf(value, c.meter);
  let index = 0;
  return () => {
    while (index < keys.length) {
      const item = keys[index++] ?? '';
      // A member that was deleted meanwhile is left out, as in JavaScript.
      if (typeof value === 'string' || hasMember(value, item)) return { item };
    }
    return undefined;
  };
}
