import { ATTRIBUTE_SCOPES } from '../../../model/telemetry.ts';
import { flag, oneOf, texts } from '../../../schema/fields.ts';
import { scopeOf } from '../../attribute-scope.ts';
import { defineNode } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { compileText } from '../../template.ts';

export const deleteAttributes = defineNode({
  kind: 'action/delete-attributes',
  thingsboard: { type: 'org.thingsboard.rule.engine.telemetry.TbMsgDeleteAttributesNode', version: 0, read: nonNull },
  version: 0,
  summary:
    "Removes attributes of the originator; one that is not there is no matter. Metadata scope wins over the node's.",
  since: '0.3.0',
  fields: {
    scope: oneOf('Scope, unless metadata scope names another.', ATTRIBUTE_SCOPES, { default: 'SERVER_SCOPE' }),
    keys: texts('Keys; ${key} is metadata, $[key] the body.', { minItems: 1, examples: [['onboarding']] }),
    notifyDevice: flag(
      'Tell the device of shared attributes that are gone; metadata notifyDevice "true" does so as well.',
      {
        default: false,
      },
    ),
    sendAttributesDeletedNotification: flag('Tell the chains as ATTRIBUTES_DELETED what was removed.', {
      default: false,
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A mark is taken away',
      config: { keys: ['onboarding', 'nothing'] },
      given: { attributes: { 'meter-1': { SERVER_SCOPE: { onboarding: 'open' } } } },
      msg: { data: {} },
      goesTo: 'Success',
    },
  ],
  create({ scope, keys, notifyDevice, sendAttributesDeletedNotification }) {
    const names = keys.map(compileText);
    return {
      async onMsg(msg, context) {
        await context.removeAttributes(msg, {
          scope: scopeOf(msg, scope),
          keys: names.map((name) => name(msg)),
          notifyDevice: notifyDevice || msg.metadata.notifyDevice === 'true',
          event: sendAttributesDeletedNotification,
        });
        return { relation: 'Success', msg };
      },
    };
  },
});
