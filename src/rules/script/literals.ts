import { setOwn } from '../record.ts';
import { spreadInto } from './calls.ts';
import type { Compiler } from './compiler.ts';
import { ScriptFailure } from './failure.ts';
import type { Exec, Frame, Scope } from './frame.ts';
import { keysOf, readMember, toKey } from './members.ts';
import type { ArrayExpression, ObjectExpression, Property } from './syntax.ts';
import { isObject, nameOf, type ScriptObject, type Value } from './values.ts';

export function literalArray(node: ArrayExpression, scope: Scope, c: Compiler): Exec {
  const { elements } = node;
  const m = c.meter;
  if (elements.length > m.limits.items) return c.refuse(node, 'the list is too long');
  if (elements.some((element) => element === null)) {
    return c.refuse(node, 'a list with holes is not in the language', 'write null in the empty places');
  }
  const parts = elements.flatMap((element) => {
    if (element === null) return [];
    const spread = element.type === 'SpreadElement';
    return [{ spread, exec: c.expression(spread ? element.argument : element, scope) }];
  });
  if (parts.every((part) => !part.spread)) {
    const execs = parts.map((part) => part.exec);
    return (frame) => execs.map((exec) => exec(frame));
  }
  return (frame) => {
    const list: Value[] = [];
    for (const { spread, exec } of parts) {
      const value = exec(frame);
      m.at = node.start;
      if (spread) spreadInto(list, value, c);
      else list.push(value);
    }
    return list;
  };
}

type Part = (frame: Frame, object: ScriptObject) => void;

export function literalObject(node: ObjectExpression, scope: Scope, c: Compiler): Exec {
  if (node.properties.length > c.meter.limits.items) return c.refuse(node, 'the object is too large');
  const parts = node.properties.map((property): Part => {
    if (property.type !== 'SpreadElement') return propertyOf(property, scope, c);
    const value = c.expression(property.argument, scope);
    return (frame, object) => {
      const spread = value(frame);
      c.meter.at = property.start;
      copyMembers(object, spread, c);
    };
  });
  return (frame) => {
    const object: ScriptObject = {};
    for (const part of parts) part(frame, object);
    return object;
  };
}

function propertyOf(node: Property, scope: Scope, c: Compiler): Part {
  if (node.kind !== 'init' || node.method) {
    c.refuse(
      node,
      'getters, setters and methods are not in the language',
      'write name: value, and call functions by name',
    );
    return () => undefined;
  }
  const value = c.expression(node.value, scope);
  if (node.computed) {
    const key = c.expression(node.key, scope);
    return (frame, object) => {
      const name = toKey(key(frame), c.meter);
      setOwn(object, name, value(frame));
    };
  }
  const name =
    node.key.type === 'Identifier' ? node.key.name : node.key.type === 'Literal' ? String(node.key.value) : '';
  if (name === '__proto__' && !node.shorthand) {
    c.refuse(node, '"__proto__" sets no prototype here', "write ['__proto__']: value for a member of that name");
  }
  return (frame, object) => setOwn(object, name, value(frame));
}

function copyMembers(target: ScriptObject, from: Value, c: Compiler): void {
  if (from === null || from === undefined) return;
  if (!isObject(from) && !Array.isArray(from))
    throw new ScriptFailure(`${nameOf(from)} cannot be spread into an object`);
  for (const key of keysOf(from, c.meter)) {
    c.meter.spend(1);
    setOwn(target, key, readMember(from, key));
  }
}
