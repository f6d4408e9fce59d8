import { basename } from 'node:path';
import type { Issue } from '../../schema/issue.ts';
import { catalogue } from '../catalogue.ts';
import { CHAIN_MEMBERS, NODE_EXTRAS } from '../chain-shape.ts';
import { CHAIN_TEST_SCHEMA } from '../chain-test-format.ts';
import { readJsonText } from '../json-source.ts';
import type { NodeKind } from '../node-kind.ts';
import { type JsonLayout, layoutOfSchema, printJsonTree } from './json-layout.ts';
import { type JsonTree, memberOf, parseJsonTree, textOf } from './json-tree.ts';

export type FormatResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export interface FormatOptions {
  /** JSON Schema of device profiles: its order of members is theirs. */
  readonly profileSchema?: Readonly<Record<string, unknown>>;
  readonly kinds?: readonly NodeKind[];
}

/**
 * The one form of a chain, test file or profile: members in the order of their schema, nodes as the author ordered them
 * and each spread over lines of its own, so that edits to two nodes merge. Says nothing else than the file did: numbers
 * keep their digits, a file that names a member twice is refused.
 */
export function formatText(file: string, text: string, options: FormatOptions = {}): FormatResult {
  const source = readJsonText(file, text);
  if (!source.ok || source.issues.length > 0) return { ok: false, issues: source.issues };
  const tree = parseJsonTree(text.replace(/^\ufeff/, ''));
  if (tree.kind !== 'object') {
    const problem = 'is no JSON object: no chain, no test file, no device profile';
    return { ok: false, issues: [{ file, at: '', rule: 'wrong-type', level: 'error', problem }] };
  }
  return { ok: true, text: printJsonTree(tree, layoutFor(file, tree, options)) };
}

/** By what stands in the file; ThingsBoard's exports and anything unknown keep their order. */
function layoutFor(
  file: string,
  tree: Extract<JsonTree, { kind: 'object' }>,
  { profileSchema, kinds = catalogue }: FormatOptions,
): JsonLayout {
  const has = (key: string): boolean => tree.members.some((member) => member.key === key);
  if (has('nodes') && has('first')) return chainLayout(kinds);
  if (has('cases') || basename(file).endsWith('.test.json')) return TEST_LAYOUT;
  const known = Object.keys((profileSchema?.properties ?? {}) as object);
  const isProfile = has('name') && tree.members.every((member) => known.includes(member.key));
  return isProfile && profileSchema ? layoutOfSchema(profileSchema) : {};
}

function chainLayout(kinds: readonly NodeKind[]): JsonLayout {
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  const node = (tree: JsonTree): JsonLayout => {
    const kind = byName.get(textOf(memberOf(tree, 'kind')) ?? '');
    const labels = [...(kind?.relations ?? []), 'Failure'];
    return {
      keys: ['kind', ...Object.keys(NODE_EXTRAS), 'config', 'to'],
      spread: true,
      inner: (key) => {
        if (key === 'config') return kind && layoutOfSchema(kind.schema);
        return key === 'to' ? { keys: labels } : undefined;
      },
    };
  };
  const nodes: JsonLayout = { spread: true, inner: (_name, tree) => node(tree) };
  return {
    keys: [...Object.keys(CHAIN_MEMBERS), 'nodes'],
    inner: (key) => (key === 'nodes' ? nodes : undefined),
  };
}

const testSchema = layoutOfSchema(CHAIN_TEST_SCHEMA);
const TEST_LAYOUT: JsonLayout = {
  ...testSchema,
  inner: (key, value) => {
    const layout = testSchema.inner?.(key, value);
    if (key !== 'cases') return layout;
    return { ...layout, spread: true, inner: (at, one) => ({ ...layout?.inner?.(at, one), spread: true }) };
  },
};
