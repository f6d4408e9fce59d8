import { defineNode } from '../../node-kind.ts';

export const checkpoint = defineNode({
  kind: 'flow/checkpoint',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.flow.TbCheckpointNode',
    version: 1,
    // The queue's name moves to the node; there is one queue for each device here.
    upgrades: [({ queueName: _, ...configuration }) => configuration],
  },
  version: 0,
  summary:
    'Stores the message, which is thereby acknowledged; it goes on from here as a message of its own, also after a crash, and then once more when the crash came before its end. What stands behind a checkpoint must bear to be done twice.',
  since: '0.3.0',
  fields: {},
  relations: ['Success'],
  examples: [{ title: 'A point of no loss', config: {}, msg: { data: { power: 230 } }, goesTo: 'Success' }],
  create: (_, { chain, node }) => ({
    onMsg: (msg, context) => context.storeForLater(msg, { chain, node, dueAt: context.now() }),
  }),
});
