import type { Msg } from '../../src/model/msg.ts';
import { Secret } from '../../src/model/secret.ts';
import { catalogue } from '../../src/rules/catalogue.ts';
import { readLookup } from '../../src/rules/chain-files.ts';
import type { NodeContext } from '../../src/rules/node-context.ts';
import type { NodeKind, NodeLintIssue, NodeLoader, NodeResult } from '../../src/rules/node-kind.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { compileSchema } from '../../src/schema/validate.ts';

const loader: NodeLoader = {
  chain: 'main',
  node: 'n',
  readJson: (path) => readLookup('rule-chains/main.json', path),
  secret: (ref) => new Secret(typeof ref === 'string' ? ref : 'offline'),
  allowedHosts: [],
};

function kindOf(kind: string): NodeKind {
  const found = catalogue.find((one) => one.kind === kind);
  if (!found) throw new Error(`no kind ${kind}`);
  return found;
}

function configOf(kind: NodeKind, config: object): unknown {
  const checked = compileSchema<unknown>(kind.schema)(structuredClone(config));
  if (!checked.ok) throw new Error(JSON.stringify(checked.violations));
  return checked.value;
}

/** One node of the catalogue, config checked and defaults filled in; `run` gives what `onMsg` gave. */
export function makeNode(name: string, config: object = {}, change: Partial<NodeLoader> = {}) {
  const kind = kindOf(name);
  const running = kind.create(configOf(kind, config), { ...loader, ...change });
  return {
    run: (msg: Msg, context: NodeContext = createTestContext()): NodeResult | Promise<NodeResult> =>
      running.onMsg(msg, context),
    close: async () => running.close?.(),
  };
}

export const lintNode = (name: string, config: object): NodeLintIssue[] => {
  const kind = kindOf(name);
  return [...kind.lint(configOf(kind, config))];
};
