import { text } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';

export const output = defineNode({
  kind: 'flow/output',
  version: 0,
  thingsboard: {
    type: 'org.thingsboard.rule.engine.flow.TbRuleChainOutputNode',
    version: 0,
    read: (_, node) => ({ label: node.name }),
    write: () => ({}),
  },
  summary:
    'Gives the message back to the node that called this chain (flow/chain), which it leaves by the label. A message that nobody called in ends here, processed.',
  since: '0.3.0',
  fields: {
    label: text('Label by which the message leaves the calling node.', {
      minLength: 1,
      examples: ['Attached'],
    }),
  },
  relations: [],
  examples: [{ title: 'The device is attached', config: { label: 'Attached' }, msg: { data: {} }, goesTo: 'Attached' }],
  returns: ({ label }) => label,
  create: ({ label }) => {
    const flow = { step: 'return', label } as const;
    return { onMsg: (msg) => ({ relation: [], msg, flow }) };
  },
});
