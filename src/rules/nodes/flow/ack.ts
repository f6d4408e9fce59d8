import { defineNode } from '../../node-kind.ts';

export const ack = defineNode({
  kind: 'flow/ack',
  thingsboard: { type: 'org.thingsboard.rule.engine.flow.TbAckNode', version: 0 },
  version: 0,
  summary:
    'Acknowledges the message, as processed, once every other branch has ended or is acknowledged too and all that they wrote is durable. The message then goes on: what fails from here on is only logged, and lost with the process. Use flow/checkpoint for what must not be lost.',
  since: '0.3.0',
  fields: {},
  relations: ['Success'],
  examples: [{ title: 'The rest may take its time', config: {}, msg: { data: { power: 230 } }, goesTo: 'Success' }],
  create: () => {
    const flow = { step: 'ack' } as const;
    return { onMsg: (msg) => ({ relation: 'Success', msg, flow }) };
  },
});
