import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { catalogue } from '../../src/rules/catalogue.ts';
import { readLookup } from '../../src/rules/chain-files.ts';
import { type CompiledChain, compileChain } from '../../src/rules/compile.ts';
import { createCounterBook } from '../../src/rules/counters.ts';
import { failed } from '../../src/rules/failure.ts';
import { lintChain } from '../../src/rules/lint.ts';
import type { NodeExample, NodeKind } from '../../src/rules/node-kind.ts';
import { runChain, type TraceStep } from '../../src/rules/run.ts';
import { wrapSecrets } from '../../src/rules/secrets.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { parseChain, testMsg } from '../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../helpers/chain-node.ts';

const examples = catalogue.flatMap((kind: NodeKind) => kind.examples.map((example) => ({ kind, example })));
const kinds = new Map<string, NodeKind>(catalogue.map((kind) => [kind.kind, kind]));
const CHAIN_FILE = 'rule-chains/example.json';

/** A chain as its file says it, among others that it may call. */
function compiled(nodes: object, name: string, first: string | null, chains: Map<string, CompiledChain>) {
  const { graph } = parseChain(CHAIN_FILE, JSON.stringify({ name, root: true, first, nodes }));
  const linted = graph && lintChain(graph, kinds);
  expect(linted?.issues.filter(({ level }) => level === 'error')).toEqual([]);
  if (!linted?.chain) throw new Error('the example does not pass lint');
  const readJson = (path: string) => readLookup(CHAIN_FILE, path);
  const chain = compileChain(linted.chain, {
    counters: createCounterBook(),
    readJson,
    chains,
    secret: () => new Secret('offline'),
    allowedHosts: [],
  });
  chains.set(name, chain);
  return { chain, config: linted.chain.nodes.get('node')?.config };
}

/** The example as a chain of one node and a log node behind it, through parse, lint, compile and run. */
async function runExample(kind: NodeKind, example: NodeExample) {
  const ends = kind.relations.length === 0;
  const nodes = {
    node: { kind: kind.kind, config: example.config, ...(ends ? {} : { to: { [example.goesTo]: 'end' } }) },
    ...(ends ? {} : { end: { kind: 'action/log', config: { text: 'reached' } } }),
  };
  const chains = new Map<string, CompiledChain>();
  for (const [name, label] of Object.entries(example.given?.chains ?? {})) {
    compiled({ out: { kind: 'flow/output', config: { label } } }, name, 'out', chains);
  }
  const { chain, config } = compiled(nodes, 'example', kind.source ? null : 'node', chains);
  const context = createTestContext(example.given);
  const { from = 'meter-1', type, data, metadata = {} } = example.msg;
  const msg = testMsg(
    {
      originator: context.named(from),
      ...(type === undefined ? {} : { type }),
      data: wrapSecrets(JSON.parse(JSON.stringify(data)), new Set(kind.secretKeys(config))),
      metadata,
    },
    context,
  );
  const steps: TraceStep[] = [];
  const left: unknown[] = [];
  const node = chain.nodes.get('node');
  if (!node) throw new Error('no node');
  const spied = {
    ...node,
    running: {
      onMsg: async (...args: Parameters<typeof node.running.onMsg>) => {
        try {
          const result = await node.running.onMsg(...args);
          left.push(result.msg);
          return result;
        } catch (error) {
          left.push(failed(args[0], error).msg);
          throw error;
        }
      },
    },
  };
  const result = await runChain(spied, msg, context, { trace: (step) => steps.push(step) });
  const out = result.outcome === 'dead-lettered' ? result.letters[0]?.msg : left[0];
  // A call itself has no label: the message leaves by that of the output node.
  return { labels: steps.find(({ labels }) => labels.length > 0)?.labels, out, context };
}

describe('node examples', () => {
  const inside = examples.filter(({ kind }) => kind.outside !== true);
  it.each(inside)('$kind.kind: $example.title', async ({ kind, example }) => {
    const { labels, out } = await runExample(kind, example);
    expect(labels).toEqual([example.goesTo]);
    if (example.data) expect(out).toMatchObject({ data: example.data });
    if (example.metadata) expect(out).toMatchObject({ metadata: example.metadata });
  });

  const outside = examples.filter(({ kind }) => kind.outside === true);
  it.each(outside)(
    '$kind.kind: $example.title: nothing is reached until a message comes',
    async ({ kind, example }) => {
      const node = makeNode(kind.kind, example.config);
      expect(lintNode(kind.kind, example.config).filter(({ level }) => level !== 'warning')).toEqual([]);
      await node.close();
    },
  );

  it('shows every relation of a kind with few, in some example', () => {
    const missing = catalogue.flatMap((kind: NodeKind) => {
      if (kind.relations.length > 2 || kind.relations.includes('*')) return [];
      const shown = kind.examples.map((example) => example.goesTo);
      return kind.relations
        .filter((relation) => !shown.includes(relation))
        .map((relation) => `${kind.kind} ${relation}`);
    });
    // That takes two messages.
    expect(missing).toEqual(['action/device-state Rate limited']);
  });
});
