import { nearest } from '../../schema/validate.ts';
import { keyOf, memberOf } from './access.ts';
import { assignmentOf, updateOf } from './assignments.ts';
import { callOf, newOf } from './calls.ts';
import type { Compiler } from './compiler.ts';
import { isTruthy, toText, typeOf } from './convert.ts';
import { type Exec, type Frame, reader, type Scope } from './frame.ts';
import { literalArray, literalObject } from './literals.ts';
import { deleteMember, isEmpty } from './members.ts';
import { binaryOperator, requireBoolean } from './operators.ts';
import type {
  BinaryExpression,
  ConditionalExpression,
  Expression,
  Identifier,
  Literal,
  LogicalExpression,
  TemplateLiteral,
  UnaryExpression,
} from './syntax.ts';
import { ScriptFunction, type Value } from './values.ts';

/** One expression as a closure; whatever has no case here is not in the language. */
export function compileExpression(node: Expression, scope: Scope, c: Compiler): Exec {
  switch (node.type) {
    case 'Literal':
      return literal(node, c);
    case 'Identifier':
      return identifier(node, scope, c);
    case 'TemplateLiteral':
      return template(node, scope, c);
    case 'ParenthesizedExpression':
      return c.expression(node.expression, scope);
    case 'BinaryExpression':
      return binary(node, scope, c);
    case 'LogicalExpression':
      return logical(node, scope, c);
    case 'UnaryExpression':
      return unary(node, scope, c);
    case 'ConditionalExpression':
      return conditional(node, scope, c);
    case 'SequenceExpression':
      return sequence(node.expressions, scope, c);
    case 'MemberExpression':
    case 'ChainExpression':
      return memberOf(node, scope, c);
    case 'CallExpression':
      return callOf(node, scope, c);
    case 'NewExpression':
      return newOf(node, scope, c);
    case 'AssignmentExpression':
      return assignmentOf(node, scope, c);
    case 'UpdateExpression':
      return updateOf(node, scope, c);
    case 'ArrayExpression':
      return literalArray(node, scope, c);
    case 'ObjectExpression':
      return literalObject(node, scope, c);
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      if (c.language.lang === 'TBEL' && node.type === 'ArrowFunctionExpression') {
        return c.refuse(node, 'TBEL has no arrow functions', 'declare it: function name(a) { return …; }');
      }
      return c.functionValue(node, scope);
    default:
      return refused(node, c);
  }
}

const REFUSALS: Readonly<Record<string, readonly [string, string?]>> = {
  ThisExpression: ['"this" is not in the language', 'use msg, metadata and msgType'],
  ClassExpression: ['classes are not in the language', 'use objects and functions'],
  TaggedTemplateExpression: ['tagged templates are not in the language', 'call a function with the text'],
  AwaitExpression: ['"await" is not in the language', 'a script answers at once: put slow work into a node of its own'],
  YieldExpression: ['generators are not in the language', 'build a list and return it'],
  ImportExpression: ['"import" is not in the language', 'write the functions into the script'],
  MetaProperty: ['"new.target" is not in the language'],
};

function refused(node: Expression, c: Compiler): Exec {
  const [problem, hint] = REFUSALS[node.type] ?? [`${node.type} is not in the language`];
  return c.refuse(node, problem, hint);
}

function literal(node: Literal, c: Compiler): Exec {
  if (node.regex) {
    return c.refuse(
      node,
      'a regular expression stands only before .test(…)',
      'write /pattern/.test(text), or use indexOf, split, replace of texts',
    );
  }
  const { value } = node;
  if (typeof value === 'bigint' || value instanceof RegExp) {
    return c.refuse(
      node,
      'big integers are not in the language',
      'numbers of a message that are only handed on keep all their digits',
    );
  }
  if (typeof value === 'string' && value.length > c.meter.limits.text) return c.refuse(node, 'the text is too long');
  return () => value;
}

function identifier(node: Identifier, scope: Scope, c: Compiler): Exec {
  const variable = scope.find(node.name);
  if (variable) return reader(scope.hopsTo(variable), variable.slot);
  const { constants, functions } = c.language;
  if (constants.has(node.name)) {
    const value = constants.get(node.name);
    return () => value;
  }
  const native = functions.get(node.name);
  if (native) {
    const value = new ScriptFunction((args) => native(args, c.meter));
    return () => value;
  }
  if (c.assigned.has(node.name)) {
    const made = c.root.declare(node.name);
    return reader(scope.hopsTo(made), made.slot);
  }
  return unknownName(node, c);
}

/** Refuses a name that nothing in sight has. */
export function unknownName(node: Identifier, c: Compiler): Exec {
  const { lang, hints, functions, namespaces, constants } = c.language;
  const known = hints.get(node.name);
  if (known !== undefined) return c.refuse(node, `"${node.name}" is not in the language`, known);
  if (namespaces.has(node.name)) {
    return c.refuse(node, `"${node.name}" is no value`, `call one of its functions: ${node.name}.…()`);
  }
  const near = nearest(node.name, ['msg', 'metadata', 'msgType', ...functions.keys(), ...constants.keys()]);
  const hint = near ? `did you mean "${near}"?` : `declare it with ${lang === 'JS' ? 'let or const' : 'var'}`;
  return c.refuse(node, `there is no "${node.name}"`, hint);
}

function template(node: TemplateLiteral, scope: Scope, c: Compiler): Exec {
  if (c.language.lang === 'TBEL') return c.refuse(node, 'TBEL has no template texts', "write 'a' + b");
  const m = c.meter;
  const texts = node.quasis.map((quasi) => quasi.value.cooked ?? '');
  const parts = node.expressions.map((part) => c.expression(part, scope));
  return (frame) => {
    let text = texts[0] ?? '';
    for (let index = 0; index < parts.length; index++) {
      const value = parts[index]?.(frame);
      m.at = node.start;
      text += toText(value, m) + (texts[index + 1] ?? '');
      m.willMakeText(text.length);
    }
    return m.text(text);
  };
}

function binary(node: BinaryExpression, scope: Scope, c: Compiler): Exec {
  const operate = binaryOperator(c.language.lang, node.operator);
  if (operate === undefined) {
    const hint = 'look at a member: x.kind === …, Array.isArray(x)';
    return c.refuse(node, `"${node.operator}" is not in the language`, hint);
  }
  const emptiness = emptyTest(node, scope, c);
  if (emptiness) return emptiness;
  if (node.left.type === 'PrivateIdentifier') return c.refuse(node, 'private names are not in the language');
  const left = c.expression(node.left, scope);
  const right = c.expression(node.right, scope);
  const m = c.meter;
  const at = node.start;
  const fast = ofNumbers(node.operator);
  if (fast === undefined) {
    return (frame) => {
      const a = left(frame);
      const b = right(frame);
      m.at = at;
      return operate(a, b, m);
    };
  }
  return fast(left, right, (a, b) => {
    m.at = at;
    return operate(a, b, m);
  });
}

/** TBEL's `x == empty`. */
function emptyTest(node: BinaryExpression, scope: Scope, c: Compiler): Exec | undefined {
  if (c.language.lang !== 'TBEL') return undefined;
  const { left, right, operator } = node;
  const isEmptyWord = (side: BinaryExpression['left']): boolean =>
    side.type === 'Identifier' && side.name === 'empty' && scope.find('empty') === undefined;
  const other = isEmptyWord(right) ? left : isEmptyWord(left) ? right : undefined;
  if (other === undefined || other.type === 'PrivateIdentifier' || !/^[!=]==?$/.test(operator)) return undefined;
  const value = c.expression(other, scope);
  const wanted = operator.startsWith('=');
  return (frame) => isEmpty(value(frame), c.meter) === wanted;
}

type Slow = (a: Value, b: Value) => Value;
type Fast = (left: Exec, right: Exec, slow: Slow) => Exec;

/** The operators that are worth a path of their own for two numbers. */
function ofNumbers(operator: string): Fast | undefined {
  switch (operator) {
    case '+':
      return (left, right, slow) => (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === 'number' && typeof b === 'number' ? a + b : slow(a, b);
      };
    case '-':
      return (left, right, slow) => (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === 'number' && typeof b === 'number' ? a - b : slow(a, b);
      };
    case '*':
      return (left, right, slow) => (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === 'number' && typeof b === 'number' ? a * b : slow(a, b);
      };
    case '<':
      return (left, right, slow) => (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === 'number' && typeof b === 'number' ? a < b : slow(a, b);
      };
    case '>':
      return (left, right, slow) => (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === 'number' && typeof b === 'number' ? a > b : slow(a, b);
      };
    default:
      return undefined;
  }
}

function logical(node: LogicalExpression, scope: Scope, c: Compiler): Exec {
  const left = c.expression(node.left, scope);
  const right = c.expression(node.right, scope);
  if (node.operator === '??') {
    if (c.language.lang === 'TBEL') return c.refuse(node, 'TBEL has no ??', 'write x != null ? x : y');
    return (frame) => left(frame) ?? right(frame);
  }
  const isAnd = node.operator === '&&';
  if (c.language.lang === 'JS') {
    return (frame) => {
      const value = left(frame);
      return isTruthy(value) === isAnd ? right(frame) : value;
    };
  }
  const m = c.meter;
  const check = (value: Value): boolean => {
    m.at = node.start;
    return requireBoolean(value);
  };
  return (frame) => (check(left(frame)) === isAnd ? check(right(frame)) : !isAnd);
}

function conditional(node: ConditionalExpression, scope: Scope, c: Compiler): Exec {
  const test = c.condition(node.test, scope);
  const yes = c.expression(node.consequent, scope);
  const no = c.expression(node.alternate, scope);
  return (frame) => (test(frame) ? yes(frame) : no(frame));
}

function sequence(nodes: readonly Expression[], scope: Scope, c: Compiler): Exec {
  const parts = nodes.map((part) => c.expression(part, scope));
  return (frame) => {
    let value: Value;
    for (const part of parts) value = part(frame);
    return value;
  };
}

function unary(node: UnaryExpression, scope: Scope, c: Compiler): Exec {
  if (node.operator === 'delete') return deletion(node, scope, c);
  if (node.operator === 'void') return c.refuse(node, '"void" is not in the language', 'write undefined');
  if (node.operator === 'typeof' && c.language.lang === 'TBEL') {
    return c.refuse(node, 'TBEL has no typeof', 'use isMap(x), isList(x) or x != null');
  }
  const m = c.meter;
  const at = node.start;
  if (node.operator === '!') {
    const test = c.condition(node.argument, scope);
    return (frame) => !test(frame);
  }
  const value = c.expression(node.argument, scope);
  switch (node.operator) {
    case 'typeof':
      return (frame) => typeOf(value(frame));
    case '-':
      return (frame) => {
        const operand = value(frame);
        if (typeof operand === 'number') return -operand;
        m.at = at;
        return -c.language.number(operand, m);
      };
    case '+':
      return numeric(value, (number) => number, at, c);
    case '~':
      return numeric(value, (number) => ~number, at, c);
  }
}

function numeric(value: Exec, turn: (number: number) => number, at: number, c: Compiler): Exec {
  const m = c.meter;
  return (frame) => {
    const operand = value(frame);
    m.at = at;
    return turn(c.language.number(operand, m));
  };
}

function deletion(node: UnaryExpression, scope: Scope, c: Compiler): Exec {
  if (c.language.lang === 'TBEL') return c.refuse(node, 'TBEL has no delete', "write msg.remove('key')");
  const target = node.argument;
  if (target.type !== 'MemberExpression' || target.object.type === 'Super') {
    return c.refuse(node, 'only a member can be deleted', 'write delete msg.key');
  }
  c.mutates = true;
  const m = c.meter;
  const owner = c.expression(target.object, scope);
  const key = keyOf(target, scope, c);
  return (frame: Frame) => {
    const value = owner(frame);
    const name = key(frame);
    m.at = node.start;
    return deleteMember(value, name);
  };
}
