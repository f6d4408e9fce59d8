import { keyOf } from './access.ts';
import type { Compiler } from './compiler.ts';
import { isTruthy } from './convert.ts';
import { type Exec, type Frame, type Scope, writer } from './frame.ts';
import { readMember, writeMember } from './members.ts';
import { binaryOperator } from './operators.ts';
import type { AssignmentExpression, Identifier, MemberExpression, Node, UpdateExpression } from './syntax.ts';
import type { Value } from './values.ts';

/** A place that can be read and written once its parts are known. */
interface Place {
  /** Works out the parts of the place; they are given to `read` and `write`. */
  readonly find: (frame: Frame) => { readonly owner: Value; readonly key: string } | undefined;
  readonly read: (frame: Frame, parts: { readonly owner: Value; readonly key: string } | undefined) => Value;
  readonly write: (
    frame: Frame,
    parts: { readonly owner: Value; readonly key: string } | undefined,
    value: Value,
  ) => void;
}

export function assignmentOf(node: AssignmentExpression, scope: Scope, c: Compiler): Exec {
  const { left, operator } = node;
  const right = c.expression(node.right, scope);
  if (operator === '=') {
    if (left.type === 'Identifier') {
      const write = variableWriter(left, scope, c);
      return (frame) => {
        const value = right(frame);
        write(frame, value);
        return value;
      };
    }
    if (left.type !== 'MemberExpression') {
      const bind = c.binder(left, scope);
      return (frame) => {
        const value = right(frame);
        bind(frame, value);
        return value;
      };
    }
  }
  const place = placeOf(left, scope, c);
  if (operator === '=') {
    return (frame) => {
      const parts = place.find(frame);
      const value = right(frame);
      place.write(frame, parts, value);
      return value;
    };
  }
  if (operator === '&&=' || operator === '||=' || operator === '??=') return lazyAssignment(operator, place, right);
  const operate = binaryOperator(c.language.lang, operator.slice(0, -1));
  if (operate === undefined) return c.refuse(node, `"${operator}" is not in the language`);
  const m = c.meter;
  return (frame) => {
    const parts = place.find(frame);
    const before = place.read(frame, parts);
    const other = right(frame);
    m.at = node.start;
    const value = operate(before, other, m);
    place.write(frame, parts, value);
    return value;
  };
}

function lazyAssignment(operator: '&&=' | '||=' | '??=', place: Place, right: Exec): Exec {
  return (frame) => {
    const parts = place.find(frame);
    const before = place.read(frame, parts);
    const keeps =
      operator === '??=' ? before !== null && before !== undefined : isTruthy(before) === (operator === '||=');
    if (keeps) return before;
    const value = right(frame);
    place.write(frame, parts, value);
    return value;
  };
}

export function updateOf(node: UpdateExpression, scope: Scope, c: Compiler): Exec {
  const target = node.argument;
  const place = placeOf(target, scope, c);
  const m = c.meter;
  const step = node.operator === '++' ? 1 : -1;
  return (frame) => {
    const parts = place.find(frame);
    const read = place.read(frame, parts);
    m.at = node.start;
    const before = typeof read === 'number' ? read : c.language.number(read, m);
    place.write(frame, parts, before + step);
    return node.prefix ? before + step : before;
  };
}

function placeOf(target: Node, scope: Scope, c: Compiler): Place {
  if (isIdentifier(target)) {
    const read = c.expression(target, scope);
    const write = variableWriter(target, scope, c);
    return { find: () => undefined, read, write: (frame, _parts, value) => write(frame, value) };
  }
  if (isMember(target)) return memberPlace(target, scope, c);
  c.refuse(target, 'nothing can be assigned to this');
  return { find: () => undefined, read: () => undefined, write: () => undefined };
}

function memberPlace(node: MemberExpression, scope: Scope, c: Compiler): Place {
  c.mutates = true;
  const owner =
    node.object.type === 'Super' ? c.refuse(node, '"super" is not in the language') : c.expression(node.object, scope);
  const key = keyOf(node, scope, c);
  const m = c.meter;
  const at = node.property.start;
  return {
    find: (frame) => {
      const value = owner(frame);
      return { owner: value, key: key(frame) };
    },
    read: (_frame, parts) => {
      m.at = at;
      return parts === undefined ? undefined : (readMember(parts.owner, parts.key) ?? c.language.absent);
    },
    write: (_frame, parts, value) => {
      m.at = at;
      if (parts !== undefined) writeMember(parts.owner, parts.key, value, m);
    },
  };
}

/** Writes a variable; one that is declared nowhere becomes the whole script's. */
export function variableWriter(node: Identifier, scope: Scope, c: Compiler): (frame: Frame, value: Value) => void {
  const found = scope.find(node.name);
  const { constants, functions, namespaces } = c.language;
  if (!found && [constants, functions, namespaces].some((names) => names.has(node.name))) {
    c.refuse(node, `"${node.name}" cannot be assigned`, 'take another name');
  }
  const variable = found ?? c.root.declare(node.name);
  if (variable.constant) c.refuse(node, `"${node.name}" is a const and cannot be assigned`, 'declare it with let');
  return writer(scope.hopsTo(variable), variable.slot);
}

/** A member as the target of a pattern. */
export function memberWriter(node: MemberExpression, scope: Scope, c: Compiler): (frame: Frame, value: Value) => void {
  const place = memberPlace(node, scope, c);
  return (frame, value) => place.write(frame, place.find(frame), value);
}

const isIdentifier = (node: Node): node is Identifier => node.type === 'Identifier';
const isMember = (node: Node): node is MemberExpression => node.type === 'MemberExpression';
