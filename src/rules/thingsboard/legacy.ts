import type { JsonObject } from '../../model/json.ts';
import { INPUT_CLASS } from './classes.ts';
import { idText, type TbChain, type TbChainConnection, type TbConnection, type TbNode } from './shapes.ts';

/** Nodes and connections with their JSON pointers, in the form of today's exports. */
export interface Wiring {
  readonly nodes: readonly (TbNode & { readonly at: string })[];
  readonly connections: readonly (TbConnection & { readonly at: string })[];
}

/**
 * Gives a chain the form of today: each row of `ruleChainConnections` becomes an input node at the end of the list and an
 * edge to it (thingsboard-rule-chains 1.5); `debugMode` becomes `debugSettings`.
 */
export function modernWiring(chain: TbChain, chainName: (id: string) => string | undefined): Wiring {
  const { nodes, connections, ruleChainConnections } = chain.metadata;
  const at = chain.at.metadata;
  const own = (nodes ?? []).map((node, index) => ({ ...withDebugSettings(node), at: `${at}/nodes/${index}` }));
  const edges = (connections ?? []).map((edge, index) => ({ ...edge, at: `${at}/connections/${index}` }));
  const calls = (ruleChainConnections ?? []).map((row, index) => ({
    row,
    at: `${at}/ruleChainConnections/${index}`,
    toIndex: own.length + index,
  }));
  return {
    nodes: [...own, ...calls.map((call) => ({ ...inputNode(call.row, chainName), at: call.at }))],
    connections: [
      ...edges,
      ...calls.map(({ row, ...rest }) => ({ fromIndex: row.fromIndex, type: row.type, ...rest })),
    ],
  };
}

function withDebugSettings({ debugMode, ...node }: TbNode): TbNode {
  if (debugMode !== true || node.debugSettings) return node;
  return { ...node, debugSettings: { failuresEnabled: true, allEnabled: true } };
}

function inputNode(row: TbChainConnection, chainName: (id: string) => string | undefined): TbNode {
  const { ruleChainName, ruleChainNodeId: _, ...additionalInfo } = (row.additionalInfo ?? {}) as JsonObject;
  const ruleChainId = idText(row.targetRuleChainId) ?? '';
  const name = typeof ruleChainName === 'string' ? ruleChainName : chainName(ruleChainId);
  return {
    type: INPUT_CLASS,
    name: name ?? 'Rule Chain Input',
    configurationVersion: 0,
    configuration: { ruleChainId, ...(typeof ruleChainName === 'string' ? { ruleChainName } : {}) },
    additionalInfo,
  };
}
