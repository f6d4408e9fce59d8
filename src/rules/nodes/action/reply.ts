import type { JsonObject } from '../../../model/json.ts';
import { json } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';
import { compileJson } from '../../template.ts';

export const reply = defineNode({
  kind: 'action/reply',
  version: 0,
  summary:
    'Tells the device something, as shared attributes that are stored and pushed. A placeholder that is a whole text keeps the type of its value; one without a value, or naming a secret, is a failure.',
  since: '0.1.0',
  fields: {
    body: json<JsonObject>('Shared attributes to send; ${key} is metadata, $[key] the body.', {
      type: 'object',
      minProperties: 1,
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A refusal with its reason',
      config: { body: { onboarding: { status: 'refused', reason: '${error}' } } },
      msg: { data: {}, metadata: { error: 'unknown-supplier-key' } },
      goesTo: 'Success',
    },
    {
      title: 'A placeholder without a value',
      config: { body: { grid: '${gridName}' } },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  create({ body }) {
    const members = Object.entries(body).map(([key, value]) => [key, compileJson(value)] as const);
    return {
      onMsg(msg, context) {
        context.replyToDevice(msg, Object.fromEntries(members.map(([key, value]) => [key, value(msg)])));
        return { relation: 'Success', msg };
      },
    };
  },
});
