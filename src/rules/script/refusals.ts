import type { Compiler } from './compiler.ts';
import { NORMAL, type Step } from './frame.ts';
import type { Statement } from './syntax.ts';

const STATEMENTS: Readonly<Record<string, readonly [string, string?]>> = {
  ClassDeclaration: ['classes are not in the language', 'use objects and functions'],
  LabeledStatement: ['labels are not in the language', 'put the loops into a function and return'],
  WithStatement: ['"with" is not in the language', 'name the object each time'],
  DebuggerStatement: ['"debugger" is not in the language', 'use an action/log node'],
};

/** Refuses a statement that is not in the language. */
export function refuseStatement(node: Statement, c: Compiler): Step {
  const [problem, hint] = STATEMENTS[node.type] ?? [`${node.type} is not in the language`];
  c.refuse(node, problem, hint);
  return () => NORMAL;
}
