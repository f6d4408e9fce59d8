import type { Binder, Compiler } from './compiler.ts';
import { Frame, type FrameShape, RETURN, Scope } from './frame.ts';
import { declareAll, hoistedNames } from './hoist.ts';
import { namesOf } from './patterns.ts';
import {
  type ArrowFunctionExpression,
  type Function as FunctionNode,
  measureOf,
  type Node,
  type Pattern,
} from './syntax.ts';
import { ScriptFunction, type Value } from './values.ts';

/** Fuel of one call or one turn of a loop: by what it may run. */
export const weightOf = (node: Node): number => 1 + (measureOf(node).size >> 3);

/** A function as what makes it, each time, in the frame around it. */
export function compileFunction(
  node: FunctionNode | ArrowFunctionExpression,
  outer: Scope,
  c: Compiler,
): (frame: Frame) => ScriptFunction {
  if (node.async) c.refuse(node, '"async" is not in the language', 'a script answers at once');
  if (node.generator) c.refuse(node, 'generators are not in the language', 'build a list and return it');
  const shape: FrameShape = { size: 0, parent: outer.frame };
  const scope = new Scope(shape, outer);
  const bind = parametersOf(node.params, scope, c);
  if (node.type === 'FunctionExpression' && node.id && scope.own(node.id.name) === undefined) {
    return namedFunction(node, node.id.name, scope, bind, c);
  }
  return functionMaker(node, scope, bind, c);
}

type Parameters = (frame: Frame, args: readonly Value[]) => void;

/** Plain names take the first slots in order, so that a call only copies its arguments. */
function parametersOf(params: readonly Pattern[], scope: Scope, c: Compiler): Parameters {
  if (params.every((param) => param.type === 'Identifier')) {
    for (const param of params) for (const name of namesOf(param)) scope.declare(name);
    const count = params.length;
    return (frame, args) => {
      for (let index = 0; index < count; index++) frame.vars.push(args[index]);
    };
  }
  for (const param of params) for (const name of namesOf(param)) scope.declare(name);
  const binders = params.map((param): Binder => c.binder(param, scope));
  return (frame, args) => {
    for (const [index, bind] of binders.entries()) bind(frame, args[index]);
  };
}

function namedFunction(
  node: FunctionNode,
  name: string,
  scope: Scope,
  bind: Parameters,
  c: Compiler,
): (frame: Frame) => ScriptFunction {
  return functionMaker(node, scope, bind, c, scope.declare(name).slot);
}

function functionMaker(
  node: FunctionNode | ArrowFunctionExpression,
  scope: Scope,
  bind: Parameters,
  c: Compiler,
  selfSlot?: number,
): (frame: Frame) => ScriptFunction {
  const m = c.meter;
  const weight = weightOf(node.body);
  const levels = measureOf(node.body).depth + 4;
  const run = bodyOf(node, scope, c);
  return (outer) => {
    const made = new ScriptFunction((args) => {
      m.spend(weight);
      m.enter(levels);
      const frame = new Frame([], outer);
      bind(frame, args);
      if (selfSlot !== undefined) frame.vars[selfSlot] = made;
      const value = run(frame);
      m.depth -= levels;
      return value;
    });
    return made;
  };
}

function bodyOf(node: FunctionNode | ArrowFunctionExpression, scope: Scope, c: Compiler): (frame: Frame) => Value {
  const m = c.meter;
  const { absent } = c.language;
  if (node.body.type !== 'BlockStatement') return c.expression(node.body, scope);
  declareAll(hoistedNames(node.body.body), scope);
  const body = c.block(node.body.body, scope);
  return (frame) => {
    if (body(frame) !== RETURN) return absent;
    const value = m.returned;
    m.returned = undefined;
    return value;
  };
}
