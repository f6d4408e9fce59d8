import { withMsg } from '../../../model/msg.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';

/** Messages that one message may become. */
const MAX_PARTS = 1_000;

export const splitArray = defineNode({
  kind: 'transform/split-array',
  thingsboard: { type: 'org.thingsboard.rule.engine.transform.TbSplitArrayMsgNode', version: 0 },
  version: 0,
  summary:
    'Makes a message of each element of a body that is an array, in their order. An empty array ends here; what is no array is a failure.',
  since: '0.3.0',
  fields: {},
  relations: ['Success'],
  examples: [
    {
      title: 'Three readings',
      config: {},
      msg: { data: [{ power: 1 }, { power: 2 }, { power: 3 }] },
      goesTo: 'Success',
      data: { power: 1 },
    },
    { title: 'No array', config: {}, msg: { data: { power: 1 } }, goesTo: 'Failure' },
  ],
  create: () => ({
    onMsg(msg) {
      const { data } = msg;
      if (!Array.isArray(data)) throw new NodeFailure('the body is no array');
      if (data.length > MAX_PARTS) throw new NodeFailure(`the array has more than ${MAX_PARTS} elements`);
      if (data.length === 0) return { relation: [], msg };
      const [first = msg, ...more] = data.map((element) => withMsg(msg, { data: element }));
      if (more.length === 0) return { relation: 'Success', msg: first };
      const numbered = more.map((part, index) => ({ ...part, id: `${msg.id}.${index + 2}` }));
      return { relation: 'Success', msg: { ...first, id: `${msg.id}.1` }, more: numbered };
    },
  }),
});
