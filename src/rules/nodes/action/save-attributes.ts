import { ATTRIBUTE_SCOPES, type AttributeScope } from '../../../model/telemetry.ts';
import { flag, oneOf } from '../../../schema/fields.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';
import { withoutSecrets } from '../../secrets.ts';

export const saveAttributes = defineNode({
  kind: 'action/save-attributes',
  thingsboard: { type: 'org.thingsboard.rule.engine.telemetry.TbMsgAttributesNode', version: 3 },
  version: 0,
  summary:
    "Stores the body as attributes of the originator. Takes POST_ATTRIBUTES_REQUEST only; metadata scope wins over the node's. Secrets are left out.",
  since: '0.1.0',
  fields: {
    scope: oneOf('Scope, unless metadata scope names another.', ATTRIBUTE_SCOPES, { default: 'CLIENT_SCOPE' }),
    onlyOnChange: flag('Leave value and time of an attribute alone when the value is the same.', { default: true }),
    notifyDevice: flag('Push shared attributes to the device; metadata notifyDevice "true" does so as well.', {
      default: false,
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'What a device says of itself',
      config: { scope: 'CLIENT_SCOPE' },
      msg: { type: 'POST_ATTRIBUTES_REQUEST', data: { model: 'GW-1', firmware: '1.4.2' } },
      goesTo: 'Success',
    },
    {
      title: 'Telemetry is not taken',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { power: 230 } },
      goesTo: 'Failure',
    },
  ],
  create({ scope, onlyOnChange, notifyDevice }) {
    return {
      onMsg(msg, context) {
        if (msg.type !== 'POST_ATTRIBUTES_REQUEST') throw new NodeFailure(`takes no message of type ${msg.type}`);
        const values = withoutSecrets(dataObject(msg));
        if (Object.keys(values).length > 0) {
          context.saveAttributes(msg, {
            scope: scopeOf(msg.metadata.scope, scope),
            values,
            onlyOnChange,
            notifyDevice: notifyDevice || msg.metadata.notifyDevice === 'true',
          });
        }
        return { relation: 'Success', msg };
      },
    };
  },
});

function scopeOf(text: string | undefined, fallback: AttributeScope): AttributeScope {
  if (text === undefined || text === '') return fallback;
  const scope = ATTRIBUTE_SCOPES.find((known) => known === text);
  if (scope === undefined) throw new NodeFailure(`metadata scope is none of ${ATTRIBUTE_SCOPES.join(', ')}`);
  return scope;
}
