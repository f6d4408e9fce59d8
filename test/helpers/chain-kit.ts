import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Msg } from '../../src/model/msg.ts';
import { Secret } from '../../src/model/secret.ts';
import { catalogue } from '../../src/rules/catalogue.ts';
import type { ChainGraph } from '../../src/rules/chain-graph.ts';
import { type CompiledChain, compileChain } from '../../src/rules/compile.ts';
import { type CounterBook, createCounterBook } from '../../src/rules/counters.ts';
import { type Generation, type LoadOptions, loadChains } from '../../src/rules/generation.ts';
import { lintChain } from '../../src/rules/lint.ts';
import { defineNode, type NodeKind } from '../../src/rules/node-kind.ts';
import { parseChains } from '../../src/rules/parse.ts';
import { createTestContext, type TestContext } from '../../src/rules/test-context.ts';
import { text } from '../../src/schema/fields.ts';
import type { Issue } from '../../src/schema/issue.ts';

/** What happens inside `test/act`: by name, so that a chain in a test stays data. */
export type Acts = Record<string, (msg: Msg) => unknown>;

/** A node whose behaviour a test brings along; any label. */
export function actKind(acts: Acts): NodeKind {
  return defineNode({
    kind: 'test/act',
    version: 0,
    summary: 'Does what the test says.',
    since: '0.0.0',
    fields: { act: text('Name of the act.') },
    relations: ['*'],
    examples: [{ title: 'An act', config: { act: 'none' }, msg: { data: {} }, goesTo: 'Success' }],
    create: ({ act }) => ({
      // The answer is whatever the test wants to see the engine cope with.
      onMsg: (msg) => (acts[act]?.(msg) ?? { relation: 'Success', msg }) as { relation: string; msg: Msg },
    }),
  });
}

export const testMsg = (change: Partial<Msg> = {}, context: TestContext = createTestContext()): Msg => ({
  id: 'm',
  ts: 1_750_000_000_000,
  type: 'POST_TELEMETRY_REQUEST',
  originator: context.originator('meter-1'),
  metadata: {},
  data: {},
  ...change,
});

type NodeSource = {
  kind?: string;
  config?: object;
  to?: Record<string, string | string[]>;
  retry?: object;
  maxVisits?: number;
};

/** Nodes of kind `test/act` unless they say otherwise; the act has the node's name. The first node is the first. */
export function chainText(nodes: Record<string, NodeSource>, rest: object = {}): string {
  const full = Object.entries(nodes).map(([name, node]) => {
    const config = node.kind === undefined ? { act: name } : node.config;
    return [name, { kind: 'test/act', ...node, ...(config ? { config } : {}) }];
  });
  return JSON.stringify({ name: 'main', root: true, first: full[0]?.[0], nodes: Object.fromEntries(full), ...rest });
}

/** The chain of one file, and what is wrong with it. */
export function parseChain(path: string, text: string): { graph?: ChainGraph; issues: readonly Issue[] } {
  const { graphs, issues } = parseChains([{ path, text }], catalogue);
  return { ...(graphs[0] ? { graph: graphs[0] } : {}), issues };
}

/** A chain of acts, compiled; throws when lint refuses it. */
export function compileActs(
  nodes: Record<string, NodeSource>,
  acts: Acts = {},
  counters: CounterBook = createCounterBook(),
): CompiledChain {
  const { graph, issues } = parseChain('main.json', chainText(nodes));
  const kind = actKind(acts);
  const linted = graph ? lintChain(graph, new Map([[kind.kind, kind]])) : { issues };
  const chain = 'chain' in linted ? linted.chain : undefined;
  if (!chain) throw new Error(JSON.stringify(linted.issues));
  return compileChain(chain, {
    counters,
    readJson: () => ({}),
    secret: () => new Secret('offline'),
    allowedHosts: [],
  });
}

export interface Folder extends AsyncDisposable {
  readonly path: string;
  file(name: string): string;
  write(name: string, text: string): Promise<void>;
}

/** A folder that goes away at the end of the test. */
export async function tempFolder(files: Record<string, string> = {}): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'gridmoor-chains-'));
  const folder: Folder = {
    path,
    file: (name) => join(path, name),
    write: (name, content) => writeFile(join(path, name), content),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
  for (const [name, content] of Object.entries(files)) await folder.write(name, content);
  return folder;
}

/** Loads and gives the generation; throws with the issues when it is refused. */
export async function loadOrThrow(path: string, options?: LoadOptions): Promise<Generation> {
  const loaded = await loadChains(path, options);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues, null, 1));
  return loaded.generation;
}
