import { defineNode } from '../../node-kind.ts';

export const synchronizationBegin = defineNode({
  kind: 'action/synchronization-begin',
  thingsboard: { type: 'org.thingsboard.rule.engine.transaction.TbSynchronizationBeginNode', version: 0 },
  version: 0,
  summary:
    "Stands for ThingsBoard's node of the same name in imported chains. Messages of one originator run one after the other anyway: they pass as they are.",
  since: '0.3.0',
  fields: {},
  relations: ['Success'],
  examples: [
    { title: 'Nothing changes', config: {}, msg: { data: { power: 230 } }, goesTo: 'Success', data: { power: 230 } },
  ],
  *lint() {
    const problem = 'does nothing: messages of one originator run one after the other anyway';
    yield { at: '', problem, hint: 'take the node out', level: 'warning' };
  },
  create: () => ({ onMsg: (msg) => ({ relation: 'Success', msg }) }),
});
