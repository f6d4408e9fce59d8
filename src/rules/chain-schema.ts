import { catalogue } from './catalogue.ts';
import { CHAIN_MEMBERS, EDGE_SCHEMA, NODE_EXTRAS } from './chain-shape.ts';
import { CHAIN_TEST_SCHEMA } from './chain-test-format.ts';
import type { NodeKind } from './node-kind.ts';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

/** JSON Schema of `rule-chains/*.json` for editors: kinds, the config of each, and the labels it leaves by. */
export function chainSchema(kinds: readonly NodeKind[] = catalogue): Record<string, unknown> {
  return {
    $schema: DRAFT,
    title: 'gridmoor rule chain',
    type: 'object',
    additionalProperties: false,
    required: ['name', 'first', 'nodes'],
    properties: {
      ...CHAIN_MEMBERS,
      nodes: {
        type: 'object',
        description: 'The nodes by name. Edges name nodes.',
        additionalProperties: { $ref: '#/$defs/node' },
      },
    },
    $defs: {
      edge: EDGE_SCHEMA,
      node: {
        type: 'object',
        required: ['kind'],
        properties: {
          kind: {
            description: 'What the node does.',
            oneOf: kinds.map(({ kind, summary }) => ({ const: kind, description: summary })),
          },
          ...NODE_EXTRAS,
          config: { type: 'object' },
          to: { type: 'object' },
        },
        additionalProperties: false,
        allOf: kinds.map(branchOf),
      },
    },
  };
}

/** JSON Schema of `*.test.json` files beside chains. */
export function chainTestSchema(): Record<string, unknown> {
  return { $schema: DRAFT, title: 'gridmoor rule-chain tests', ...CHAIN_TEST_SCHEMA };
}

function branchOf(kind: NodeKind): object {
  const named = kind.relations.filter((label) => label !== '*');
  const labels = kind.relations.length === 0 ? [] : [...named, 'Failure'];
  const edge = { $ref: '#/$defs/edge' };
  const to = {
    type: 'object',
    additionalProperties: kind.relations.includes('*') ? edge : false,
    properties: Object.fromEntries(labels.map((label) => [label, edge])),
  };
  const required = Object.values(kind.fields).some((field) => !field.optional) ? ['config'] : [];
  return {
    if: { properties: { kind: { const: kind.kind } }, required: ['kind'] },
    // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
    then: { properties: { config: kind.schema, to }, ...(required.length > 0 ? { required } : {}) },
  };
}
