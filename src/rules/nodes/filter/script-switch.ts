import { defineNode } from '../../node-kind.ts';
import { lintScript, scriptFields, scriptForm, scriptOf } from '../../script/index.ts';

export const scriptSwitch = defineNode({
  kind: 'filter/script-switch',
  thingsboard: scriptForm('org.thingsboard.rule.engine.filter.TbJsSwitchNode'),
  version: 0,
  summary:
    'Sends a message by the label that its script returns, or by several of a list. An empty list ends the branch.',
  since: '0.2.0',
  fields: scriptFields({
    js: ["return msg.power < 0 ? 'Generating' : 'Consuming';"],
    tbel: ["return msg.power < 0 ? 'Generating' : 'Consuming';"],
  }),
  relations: ['*'],
  examples: [
    {
      title: 'A label',
      config: { jsScript: "return msg.power < 0 ? 'Generating' : 'Consuming';" },
      msg: { data: { power: -4 } },
      goesTo: 'Generating',
    },
    {
      title: 'A number is no label',
      config: { jsScript: 'return 5;' },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  lint: lintScript,
  create(config) {
    const compiled = scriptOf(config);
    return { onMsg: (msg, context) => ({ relation: compiled.labels(msg, context.now()), msg }) };
  },
});
