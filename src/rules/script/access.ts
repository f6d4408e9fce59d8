import type { Compiler } from './compiler.ts';
import type { Exec, Frame, Scope } from './frame.ts';
import { readComputed, readMember, toKey } from './members.ts';
import type { ChainExpression, Expression, MemberExpression } from './syntax.ts';
import type { ScriptObject, Value } from './values.ts';

/** Stands for the rest of a chain behind a `?.` that found nothing; never leaves its chain. */
export const BROKEN: ScriptObject = Object.freeze({});

/** `a.b`, `a[b]` and `a?.b`; constants of namespaces as well. */
export function memberOf(node: MemberExpression | ChainExpression, scope: Scope, c: Compiler): Exec {
  if (node.type === 'MemberExpression') return constantOf(node, scope, c) ?? link(node, scope, c);
  const inner = node.expression;
  const chain = inner.type === 'MemberExpression' ? link(inner, scope, c) : c.expression(inner, scope);
  return (frame) => {
    const value = chain(frame);
    return value === BROKEN ? c.language.absent : value;
  };
}

/** A missing member reads as the dialect says. */
function present(exec: Exec, c: Compiler): Exec {
  return c.language.absent === null ? (frame) => exec(frame) ?? null : exec;
}

/** One link of a chain of members; gives BROKEN when a `?.` before it found nothing. */
function link(node: MemberExpression, scope: Scope, c: Compiler): Exec {
  return present(anyLink(node, scope, c), c);
}

function anyLink(node: MemberExpression, scope: Scope, c: Compiler): Exec {
  const owner = ownerOf(node.object, scope, c);
  const m = c.meter;
  const at = node.property.start;
  const { optional } = node;
  const broken = (value: Value): boolean => value === BROKEN || (optional && (value === null || value === undefined));
  if (!node.computed && node.property.type === 'Identifier') {
    const key = node.property.name;
    return (frame) => {
      const value = owner(frame);
      if (broken(value)) return BROKEN;
      m.at = at;
      return readMember(value, key);
    };
  }
  if (node.property.type === 'PrivateIdentifier') return c.refuse(node, 'private names are not in the language');
  const key = c.expression(node.property, scope);
  return (frame) => {
    const value = owner(frame);
    if (broken(value)) return BROKEN;
    const name = key(frame);
    m.at = at;
    return readComputed(value, name, m);
  };
}

/** What stands before a point: a further link of the same chain, or any expression. */
export function ownerOf(node: MemberExpression['object'], scope: Scope, c: Compiler): Exec {
  if (node.type === 'Super') return c.refuse(node, '"super" is not in the language');
  if (node.type === 'MemberExpression') return constantOf(node, scope, c) ?? link(node, scope, c);
  return c.expression(node, scope);
}

/** The member's name of a place that is written or deleted. */
export function keyOf(node: MemberExpression, scope: Scope, c: Compiler): (frame: Frame) => string {
  const { property } = node;
  if (!node.computed && property.type === 'Identifier') return () => property.name;
  if (property.type === 'PrivateIdentifier') {
    c.refuse(node, 'private names are not in the language');
    return () => '';
  }
  const key = c.expression(property, scope);
  return (frame) => toKey(key(frame), c.meter);
}

/** `Math.PI`: undefined when the object is no namespace. */
function constantOf(node: MemberExpression, scope: Scope, c: Compiler): Exec | undefined {
  const namespace = namespaceOf(node.object, scope, c);
  if (namespace === undefined) return undefined;
  const { property } = node;
  const name = !node.computed && property.type === 'Identifier' ? property.name : undefined;
  const known = name === undefined ? undefined : c.language.namespaces.get(namespace)?.constants;
  if (known === undefined || name === undefined || !known.has(name)) {
    const hint = `call its functions as ${namespace}.name(…)`;
    return c.refuse(node, `"${namespace}.${name ?? '[…]'}" is not in the language`, hint);
  }
  const value = known.get(name);
  return () => value;
}

/** The namespace that an expression names: Math, JSON …, when no variable hides it. */
export function namespaceOf(node: Expression | { type: 'Super' }, scope: Scope, c: Compiler): string | undefined {
  if (node.type !== 'Identifier' || scope.find(node.name) !== undefined) return undefined;
  return c.language.namespaces.has(node.name) ? node.name : undefined;
}
