const PREFIX = 'org.thingsboard.rule.engine.';

/** A node of an export; `type` without ThingsBoard's prefix. */
export interface ExportedNode {
  readonly type: string;
  readonly name: string;
  readonly [member: string]: unknown;
}

/** An edge as `from label to`, by index. */
export type ExportedEdge = readonly [from: number, label: string, to: number];

/** What an export of ThingsBoard's UI holds (shape A). */
export function exportOf(
  name: string,
  nodes: readonly ExportedNode[],
  edges: readonly ExportedEdge[] = [],
  more: { readonly ruleChain?: object; readonly metadata?: object } = {},
) {
  return {
    ruleChain: { name, type: 'CORE', root: false, firstRuleNodeId: null, debugMode: false, ...more.ruleChain },
    metadata: {
      firstNodeIndex: nodes.length === 0 ? null : 0,
      nodes: nodes.map((node) => ({ additionalInfo: null, ...node, type: PREFIX + node.type })),
      connections: edges.map(([fromIndex, type, toIndex]) => ({ fromIndex, toIndex, type })),
      ruleChainConnections: null,
      ...more.metadata,
    },
  };
}

export const TB = {
  switch: (name = 'by type') => ({ type: 'filter.TbMsgTypeSwitchNode', name, configuration: { version: 0 } }),
  check: (name: string, keys: readonly string[]) => ({
    type: 'filter.TbCheckMessageNode',
    name,
    configuration: { messageNames: keys, metadataNames: [], checkAllKeys: true },
  }),
  series: (name = 'save series') => ({
    type: 'telemetry.TbMsgTimeseriesNode',
    name,
    configurationVersion: 1,
    configuration: { defaultTTL: 0, useServerTs: false, processingSettings: { type: 'ON_EVERY_MESSAGE' } },
  }),
  call: (name: string, ruleChainId: string, more: object = {}) => ({
    type: 'flow.TbRuleChainInputNode',
    name,
    configurationVersion: 1,
    configuration: { ruleChainId, forwardMsgToDefaultRuleChain: false, ...more },
  }),
  output: (name: string) => ({ type: 'flow.TbRuleChainOutputNode', name, configuration: { version: 0 } }),
  mail: (name = 'mail') => ({ type: 'mail.TbSendEmailNode', name, configuration: { smtpHost: 'localhost' } }),
  rpc: (name = 'call') => ({
    type: 'rpc.TbSendRPCRequestNode',
    name,
    configuration: { timeoutInSeconds: 60 },
  }),
} satisfies Record<string, (...args: never[]) => ExportedNode>;
