import { memberWriter, variableWriter } from './assignments.ts';
import type { Binder, Compiler } from './compiler.ts';
import { ScriptFailure } from './failure.ts';
import type { Scope } from './frame.ts';
import { readMember } from './members.ts';
import type { ArrayPattern, AssignmentPattern, ObjectPattern, Pattern } from './syntax.ts';
import { nameOf, type Value } from './values.ts';

/** The target of a declaration, an assignment, a parameter or a loop; its variables are declared before. */
export function compileBinder(pattern: Pattern, scope: Scope, c: Compiler): Binder {
  if (pattern.type === 'Identifier') return variableWriter(pattern, scope, c);
  if (pattern.type === 'MemberExpression') return memberWriter(pattern, scope, c);
  if (c.language.lang === 'TBEL') {
    c.refuse(pattern, 'TBEL takes no objects and lists apart here', 'read the members one by one');
    return () => undefined;
  }
  if (pattern.type === 'ObjectPattern') return objectBinder(pattern, scope, c);
  if (pattern.type === 'ArrayPattern') return listBinder(pattern, scope, c);
  if (pattern.type === 'AssignmentPattern') return defaultBinder(pattern, scope, c);
  c.refuse(pattern, 'a rest "…" is not in the language here', 'name the members that are used');
  return () => undefined;
}

/** Names that a pattern declares. */
export function namesOf(pattern: Pattern): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((part) => namesOf(part.type === 'RestElement' ? part.argument : part.value));
    case 'ArrayPattern':
      return pattern.elements.flatMap((part) => (part === null ? [] : namesOf(part)));
    case 'AssignmentPattern':
      return namesOf(pattern.left);
    case 'RestElement':
      return namesOf(pattern.argument);
    case 'MemberExpression':
      return [];
  }
}

function objectBinder(pattern: ObjectPattern, scope: Scope, c: Compiler): Binder {
  const parts = pattern.properties.map((part) => {
    if (part.type === 'RestElement' || part.computed) {
      c.refuse(part, 'only plain member names can be taken out of an object', 'read the member with object[key]');
      return { key: '', bind: (): void => undefined };
    }
    const key =
      part.key.type === 'Identifier' ? part.key.name : part.key.type === 'Literal' ? String(part.key.value) : '';
    return { key, bind: c.binder(part.value, scope) };
  });
  return (frame, value) => {
    c.meter.at = pattern.start;
    if (value === null || value === undefined) throw new ScriptFailure(`cannot take members out of ${nameOf(value)}`);
    for (const { key, bind } of parts) bind(frame, readMember(value, key));
  };
}

function listBinder(pattern: ArrayPattern, scope: Scope, c: Compiler): Binder {
  const parts = pattern.elements.map((part) => (part === null ? undefined : c.binder(part, scope)));
  return (frame, value) => {
    c.meter.at = pattern.start;
    if (!Array.isArray(value)) throw new ScriptFailure(`cannot take items out of ${nameOf(value)}`);
    for (const [index, bind] of parts.entries()) bind?.(frame, value[index]);
  };
}

function defaultBinder(pattern: AssignmentPattern, scope: Scope, c: Compiler): Binder {
  const bind = c.binder(pattern.left, scope);
  const otherwise = c.expression(pattern.right, scope);
  return (frame, value: Value) => bind(frame, value === undefined ? otherwise(frame) : value);
}
