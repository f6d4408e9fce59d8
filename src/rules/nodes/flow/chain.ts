import { text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';

export const chain = defineNode({
  kind: 'flow/chain',
  version: 0,
  thingsboard: {
    type: 'org.thingsboard.rule.engine.flow.TbRuleChainInputNode',
    version: 1,
    upgrades: [(configuration) => ({ forwardMsgToDefaultRuleChain: false, ...configuration })],
    read({ ruleChainId, forwardMsgToDefaultRuleChain = false }, node) {
      if (forwardMsgToDefaultRuleChain !== false) {
        throw new NodeFailure('"forwardMsgToDefaultRuleChain" is not supported: name the chain by "ruleChainId"');
      }
      if (typeof ruleChainId !== 'string') throw new NodeFailure('"ruleChainId" is missing: the node calls no chain');
      const name = node.chainName(ruleChainId);
      if (name === undefined) throw new NodeFailure(`"ruleChainId": there is no chain with the id ${ruleChainId}`);
      return { chain: name };
    },
    write({ chain: name }, node) {
      const id = node.chainId(String(name));
      if (id === undefined) throw new NodeFailure(`"chain": there is no chain "${String(name)}"`);
      return { ruleChainId: id, forwardMsgToDefaultRuleChain: false };
    },
  },
  summary:
    'Hands the message to another chain. It comes back by the label of the output node (flow/output) that it reaches there; a called chain that just ends ends this branch. A chain that calls itself, or a call that is under way already, fails.',
  since: '0.3.0',
  fields: {
    chain: text('Name of the chain.', { minLength: 1, examples: ['onboarding'] }),
  },
  relations: ['*'],
  examples: [
    {
      title: 'Onboarding in a chain of its own',
      config: { chain: 'onboarding' },
      given: { chains: { onboarding: 'Attached' } },
      msg: { data: { CUPS: 'ES1234123456789012JY' } },
      goesTo: 'Attached',
    },
  ],
  calls: ({ chain: name }) => name,
  create: ({ chain: name }) => {
    const flow = { step: 'call', chain: name } as const;
    return { onMsg: (msg) => ({ relation: [], msg, flow }) };
  },
});
