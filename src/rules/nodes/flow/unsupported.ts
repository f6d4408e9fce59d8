import { integer, json, oneOf, text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';

export const unsupported = defineNode({
  kind: 'flow/unsupported',
  version: 0,
  summary:
    "Stands for a node of a ThingsBoard export whose class has no counterpart here. Messages leave it by Failure with the name of the class, or by Success as they came when `onUnsupported` says so; everything else of the chain runs. It keeps the node's configuration for an export.",
  since: '0.3.0',
  fields: {
    class: text("ThingsBoard's class name.", {
      minLength: 1,
      examples: ['org.thingsboard.rule.engine.mail.TbSendEmailNode'],
    }),
    configurationVersion: integer("Version of the configuration, ThingsBoard's.", { default: 0, minimum: 0 }),
    configuration: json<RawConfig>('The configuration as the export had it.', { type: 'object' }, { default: {} }),
    onUnsupported: oneOf('Whether messages fail here or pass.', ['fail', 'pass'], { default: 'fail' }),
  },
  relations: ['*'],
  examples: [
    {
      title: 'Mail is not sent from here',
      config: { class: 'org.thingsboard.rule.engine.mail.TbSendEmailNode', onUnsupported: 'pass' },
      msg: { data: { text: 'grid is down' } },
      goesTo: 'Success',
      data: { text: 'grid is down' },
    },
  ],
  *lint({ class: name, onUnsupported }) {
    if (onUnsupported === 'pass') return;
    yield {
      at: '',
      problem: `ThingsBoard's ${name} is not supported: every message that reaches the node fails`,
      hint: 'replace the node, or let messages pass with "onUnsupported": "pass"',
      level: 'warning',
      rule: 'not-supported',
    };
  },
  create({ class: name, onUnsupported }) {
    return {
      onMsg(msg) {
        if (onUnsupported === 'pass') return { relation: 'Success', msg };
        throw new NodeFailure(`ThingsBoard's ${name} is not supported`);
      },
    };
  },
});
