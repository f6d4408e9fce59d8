import { ExactNumber } from '../../model/json.ts';
import { Secret } from '../../model/secret.ts';
import { nearest } from '../../schema/validate.ts';
import { compilePattern, MAX_MATCHED_LENGTH } from '../condition-pattern.ts';
import { BROKEN, namespaceOf, ownerOf } from './access.ts';
import type { Compiler } from './compiler.ts';
import { secretRead, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { Exec, Frame, Scope } from './frame.ts';
import type { Methods, NativeFunction } from './language.ts';
import type { CallExpression, Literal, MemberExpression, NewExpression, Node } from './syntax.ts';
import { isObject, nameOf, ScriptDate, ScriptFunction, type Value } from './values.ts';

type Args = (frame: Frame) => Value[];

/** A call: of a method, of a function of the language, or of one of the script's own. */
export function callOf(node: CallExpression, scope: Scope, c: Compiler): Exec {
  const call = anyCall(node, scope, c);
  return c.language.absent === null ? (frame) => call(frame) ?? null : call;
}

function anyCall(node: CallExpression, scope: Scope, c: Compiler): Exec {
  const { callee } = node;
  if (callee.type === 'Super') return c.refuse(node, '"super" is not in the language');
  if (callee.type === 'MemberExpression') return memberCall(node, callee, scope, c);
  const args = argumentsOf(node, scope, c);
  if (callee.type === 'Identifier' && scope.find(callee.name) === undefined) {
    const native = c.language.functions.get(callee.name);
    if (native) return nativeCall(native, args, node, c);
  }
  const target = c.expression(callee, scope);
  const m = c.meter;
  return (frame) => {
    const called = target(frame);
    if (node.optional && (called === null || called === undefined)) return BROKEN;
    const values = args(frame);
    m.at = node.start;
    if (!(called instanceof ScriptFunction)) throw new ScriptFailure(`${nameOf(called)} is no function`);
    return called.call(values);
  };
}

function nativeCall(native: NativeFunction, args: Args, node: Node, c: Compiler): Exec {
  const m = c.meter;
  return (frame) => {
    const values = args(frame);
    m.at = node.start;
    m.spend(1);
    return native(values, m);
  };
}

function memberCall(node: CallExpression, callee: MemberExpression, scope: Scope, c: Compiler): Exec {
  const { property } = callee;
  if (callee.computed || property.type !== 'Identifier') {
    return c.refuse(callee, 'a method is called by its name, not by […]', 'write value.name(…)');
  }
  const { name } = property;
  if (callee.object.type === 'Literal' && callee.object.regex) return patternTest(callee.object, node, name, scope, c);
  const args = argumentsOf(node, scope, c);
  const namespace = namespaceOf(callee.object, scope, c);
  if (namespace !== undefined) {
    const functions = c.language.namespaces.get(namespace)?.functions;
    const native = functions?.get(name);
    if (native) {
      if (namespace === 'Object' && name === 'assign') c.mutates = true;
      return nativeCall(native, args, node, c);
    }
    return refuseName(property, `${namespace}.${name}`, name, [...(functions?.keys() ?? [])], c);
  }
  const methods = c.language.methods.get(name);
  if (methods === undefined) {
    ownerOf(callee.object, scope, c);
    return refuseName(property, `.${name}()`, name, [...c.language.methods.keys()], c);
  }
  if (methods.mutates) c.mutates = true;
  return methodCall(callee, methods, args, scope, c);
}

function methodCall(callee: MemberExpression, methods: Methods, args: Args, scope: Scope, c: Compiler): Exec {
  const owner = ownerOf(callee.object, scope, c);
  const m = c.meter;
  const at = callee.property.start;
  const name = callee.property.type === 'Identifier' ? callee.property.name : '';
  return (frame) => {
    const self = owner(frame);
    if (self === BROKEN || (callee.optional && (self === null || self === undefined))) return BROKEN;
    const values = args(frame);
    m.at = at;
    m.spend(1);
    return invoke(self, name, methods, values, c);
  };
}

function invoke(self: Value, name: string, methods: Methods, args: readonly Value[], c: Compiler): Value {
  const m = c.meter;
  if (typeof self === 'string') {
    if (methods.text) return methods.text(self, args, m);
  } else if (Array.isArray(self)) {
    if (methods.list) return methods.list(self, args, m);
  } else if (typeof self === 'number' || self instanceof ExactNumber) {
    if (methods.number) return methods.number(self.valueOf(), args, m);
  } else if (self instanceof ScriptDate) {
    if (methods.date) return methods.date(self, args, m);
  } else if (self instanceof Secret) {
    throw secretRead();
  } else if (isObject(self) && methods.object) {
    return methods.object(self, args, m);
  }
  throw new ScriptFailure(`${nameOf(self)} has no method "${name}"`);
}

function refuseName(node: Node, what: string, name: string, known: readonly string[], c: Compiler): Exec {
  const hint = c.language.hints.get(name);
  const near = nearest(name, known);
  return c.refuse(node, `"${what}" is not in the language`, hint ?? (near ? `did you mean "${near}"?` : undefined));
}

/** `/pattern/.test(text)`: the one use of a regular expression; it runs as an automaton, in linear time. */
function patternTest(regex: Literal, node: CallExpression, method: string, scope: Scope, c: Compiler): Exec {
  const [argument] = node.arguments;
  const { pattern = '', flags = '' } = regex.regex ?? {};
  if (c.language.lang === 'TBEL') return c.refuse(regex, 'TBEL has no regular expressions between slashes');
  if (method !== 'test' || argument === undefined || argument.type === 'SpreadElement' || node.arguments.length !== 1) {
    return c.refuse(
      regex,
      `/…/.${method}() is not in the language`,
      'only /pattern/.test(text) is; use indexOf, split, substring',
    );
  }
  if (flags !== '' && flags !== 'u') {
    return c.refuse(
      regex,
      `the flag "${flags}" is not in the language`,
      'for i, test text.toLowerCase(); leave g and y away',
    );
  }
  const compiled = compilePattern(pattern);
  if (!compiled.ok) return c.refuse(regex, compiled.problem, 'write it without look-around, back references and \\b');
  const text = c.expression(argument, scope);
  const m = c.meter;
  return (frame) => {
    const tested = toText(text(frame), m);
    m.at = node.start;
    if (tested.length > MAX_MATCHED_LENGTH) {
      throw new ScriptFailure(`a pattern is tested on texts of up to ${MAX_MATCHED_LENGTH} characters`);
    }
    m.spend(1 + (tested.length >> 3));
    return compiled.test(tested);
  };
}

function argumentsOf(node: CallExpression | NewExpression, scope: Scope, c: Compiler): Args {
  const given = node.arguments;
  if (given.some((one) => one.type === 'SpreadElement')) return spreadArguments(given, scope, c);
  const parts = given.map((one) => (one.type === 'SpreadElement' ? c.refuse(one, '') : c.expression(one, scope)));
  const [first, second, third] = parts;
  if (parts.length === 0) return () => [];
  if (parts.length === 1 && first) return (frame) => [first(frame)];
  if (parts.length === 2 && first && second) return (frame) => [first(frame), second(frame)];
  if (parts.length === 3 && first && second && third) return (frame) => [first(frame), second(frame), third(frame)];
  return (frame) => parts.map((part) => part(frame));
}

function spreadArguments(given: CallExpression['arguments'], scope: Scope, c: Compiler): Args {
  const m = c.meter;
  const parts = given.map((one) => ({
    spread: one.type === 'SpreadElement',
    exec: c.expression(one.type === 'SpreadElement' ? one.argument : one, scope),
  }));
  return (frame) => {
    const values: Value[] = [];
    for (const { spread, exec } of parts) {
      const value = exec(frame);
      if (spread) spreadInto(values, value, c);
      else values.push(value);
    }
    m.items(values.length);
    return values;
  };
}

/** `...value` into a list: of a list, or of a text's characters. */
export function spreadInto(target: Value[], value: Value, c: Compiler): void {
  if (typeof value !== 'string' && !Array.isArray(value)) throw new ScriptFailure(`${nameOf(value)} cannot be spread`);
  c.meter.items(target.length + value.length);
  for (const item of value) target.push(item);
}

/** `new Date(…)`, and nothing else. */
export function newOf(node: NewExpression, scope: Scope, c: Compiler): Exec {
  const { callee } = node;
  if (callee.type !== 'Identifier' || scope.find(callee.name) !== undefined) {
    return c.refuse(node, 'there are no classes to make objects of', 'write {} or []');
  }
  const make = c.language.makers.get(callee.name);
  if (make === undefined) {
    const hint = c.language.hints.get(`new ${callee.name}`) ?? 'write {} or []';
    return c.refuse(node, `"new ${callee.name}" is not in the language`, hint);
  }
  return nativeCall(make, argumentsOf(node, scope, c), node, c);
}
