import { defineNode } from '../../node-kind.ts';
import { lintScript, scriptFields, scriptForm, scriptOf } from '../../script/index.ts';

export const script = defineNode({
  kind: 'transform/script',
  thingsboard: scriptForm('org.thingsboard.rule.engine.transform.TbTransformMsgNode'),
  version: 0,
  summary:
    'Makes of a message what its script returns: {msg, metadata, msgType}, where a missing part stays as it was; or a list of such, each a message of its own. Secrets can be moved and deleted, never read.',
  since: '0.2.0',
  fields: scriptFields({
    js: ['msg.powerKw = msg.power / 1000;', 'delete msg.power;', 'return { msg };'],
    tbel: ['msg.powerKw = msg.power / 1000;', "msg.remove('power');", 'return { msg: msg };'],
  }),
  relations: ['Success'],
  examples: [
    {
      title: 'Watts become kilowatts',
      config: { jsScript: ['msg.powerKw = msg.power / 1000;', 'delete msg.power;', 'return { msg };'] },
      msg: { data: { power: 2300 } },
      goesTo: 'Success',
      data: { powerKw: 2.3 },
    },
    {
      title: 'The same in TBEL, with a word in the metadata',
      config: {
        scriptLang: 'TBEL',
        tbelScript: [
          'msg.powerKw = toFixed(msg.power / 1000, 1);',
          "metadata.unit = 'kW';",
          'return {msg: msg, metadata: metadata};',
        ],
      },
      msg: { data: { power: 2345 } },
      goesTo: 'Success',
      data: { power: 2345, powerKw: 2.3 },
      metadata: { unit: 'kW' },
    },
    {
      title: 'An empty list is a failure',
      config: { jsScript: 'return [];' },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  lint: lintScript,
  create(config) {
    const compiled = scriptOf(config);
    return {
      onMsg(msg, context) {
        const [first, ...more] = compiled.transform(msg, context.now());
        return { relation: 'Success', msg: first ?? msg, ...(more.length > 0 ? { more } : {}) };
      },
    };
  },
});
