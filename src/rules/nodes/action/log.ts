import { flag, oneOf, text } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';
import { redactBody, redactMsg, redactText } from '../../redact.ts';
import { compileText } from '../../template.ts';

export const log = defineNode({
  kind: 'action/log',
  thingsboard: { type: 'org.thingsboard.rule.engine.action.TbLogNode', version: 0 },
  version: 0,
  summary: 'Writes one log line about the message. Secrets are never written, supply point codes only masked.',
  since: '0.1.0',
  fields: {
    level: oneOf('Level of the line.', ['debug', 'info', 'warn', 'error'], { default: 'info' }),
    text: text('Words of the line; ${key} is metadata, $[key] the body.', {
      default: 'message logged',
      examples: ['refused: ${error}'],
    }),
    data: flag('Write the body as well.', { default: false }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A line with a reason',
      config: { level: 'warn', text: 'refused: ${error}' },
      msg: { data: {}, metadata: { error: 'checksum' } },
      goesTo: 'Success',
    },
    {
      title: 'A placeholder without a value is a failure',
      config: { text: 'power is $[power]' },
      msg: { data: { voltage: 230 } },
      goesTo: 'Failure',
    },
  ],
  create({ level, text: template, data }, { chain, node }) {
    const render = compileText(template);
    return {
      onMsg(msg, context) {
        context.log(level, render({ ...msg, ...redactMsg(msg, context) }), {
          chain,
          node,
          device: redactText(msg.originator.name, context),
          type: msg.type,
          ...(data ? { data: redactBody(msg.data, context) } : {}),
        });
        return { relation: 'Success', msg };
      },
    };
  },
});
