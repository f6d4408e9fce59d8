import { ATTRIBUTE_SCOPES } from '../../../model/telemetry.ts';
import { flag, json, oneOf } from '../../../schema/fields.ts';
import { scopeOf } from '../../attribute-scope.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';
import { compileProcessing, effectiveTs, type ProcessingSettings, processingSchema } from '../../processing.ts';
import { withoutSecrets } from '../../secrets.ts';
import { addMember, flagsFromTexts } from '../../upgrade-steps.ts';

export const saveAttributes = defineNode({
  kind: 'action/save-attributes',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.telemetry.TbMsgAttributesNode',
    version: 3,
    upgrades: [
      addMember('updateAttributesOnlyOnValueChange', false),
      flagsFromTexts({
        notifyDevice: true,
        sendAttributesUpdatedNotification: false,
        updateAttributesOnlyOnValueChange: true,
      }),
      (old) => ({ ...old, processingSettings: { type: 'ON_EVERY_MESSAGE' } }),
    ],
    read(configuration) {
      if (configuration.scope === undefined) throw new NodeFailure('"scope" is missing');
      return configuration;
    },
  },
  version: 0,
  summary:
    "Stores the body as attributes of the originator. Takes POST_ATTRIBUTES_REQUEST only; metadata scope wins over the node's. Secrets are left out.",
  since: '0.1.0',
  fields: {
    scope: oneOf('Scope, unless metadata scope names another.', ATTRIBUTE_SCOPES, { default: 'CLIENT_SCOPE' }),
    updateAttributesOnlyOnValueChange: flag('Leave value and time of an attribute alone when the value is the same.', {
      default: true,
    }),
    notifyDevice: flag('Push shared attributes to the device; metadata notifyDevice "true" does so as well.', {
      default: false,
    }),
    sendAttributesUpdatedNotification: flag(
      'Tell the chains as ATTRIBUTES_UPDATED what was written; client attributes are never told.',
      { default: false },
    ),
    processingSettings: json<ProcessingSettings<'attributes'>>(
      'When it stores, and when those who watch live hear of it: on every message, once in an interval, or not at all.',
      processingSchema(['attributes']),
      { default: { type: 'ON_EVERY_MESSAGE' } },
    ),
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
  create(config) {
    const { notifyDevice, updateAttributesOnlyOnValueChange: onlyOnChange } = config;
    const planFor = compileProcessing(config.processingSettings, ['attributes']);
    return {
      onMsg(msg, context) {
        if (msg.type !== 'POST_ATTRIBUTES_REQUEST') throw new NodeFailure(`takes no message of type ${msg.type}`);
        const values = withoutSecrets(dataObject(msg));
        if (Object.keys(values).length === 0) return { relation: 'Success', msg };
        const scope = scopeOf(msg, config.scope);
        const plan = planFor(msg.originator.id, effectiveTs(msg), context);
        if (plan.attributes) {
          context.saveAttributes(msg, {
            scope,
            values,
            onlyOnChange,
            notifyDevice: notifyDevice || msg.metadata.notifyDevice === 'true',
            event: config.sendAttributesUpdatedNotification && scope !== 'CLIENT_SCOPE',
          });
        } else if (plan.live) context.showAttributes(msg, scope, values);
        return { relation: 'Success', msg };
      },
    };
  },
});
