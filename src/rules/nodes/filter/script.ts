import { defineNode } from '../../node-kind.ts';
import { lintScript, scriptFields, scriptForm, scriptOf } from '../../script/index.ts';

export const script = defineNode({
  kind: 'filter/script',
  thingsboard: scriptForm('org.thingsboard.rule.engine.filter.TbJsFilterNode'),
  version: 0,
  summary:
    'Sends a message to True or False as its script says. Only a real boolean counts: anything else is a failure.',
  since: '0.2.0',
  fields: scriptFields({
    js: ['return msg.temperature > 20;'],
    tbel: ['return msg.temperature != null && msg.temperature > 20;'],
  }),
  relations: ['True', 'False'],
  examples: [
    {
      title: 'A warm reading',
      config: { jsScript: 'return msg.temperature > 20;' },
      msg: { data: { temperature: 21 } },
      goesTo: 'True',
    },
    {
      title: 'A cold reading, in TBEL',
      config: { scriptLang: 'TBEL', tbelScript: 'return msg.temperature != null && msg.temperature > 20;' },
      msg: { data: { temperature: 19 } },
      goesTo: 'False',
    },
    {
      title: 'What is no boolean is a failure',
      config: { jsScript: 'return 1;' },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  lint: lintScript,
  create(config) {
    const compiled = scriptOf(config);
    return {
      onMsg: (msg, context) => ({ relation: compiled.test(msg, context.now()) ? 'True' : 'False', msg }),
    };
  },
});
