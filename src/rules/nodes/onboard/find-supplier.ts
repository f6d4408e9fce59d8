import { type JsonValue, stringifyJson } from '../../../model/json.ts';
import { type Msg, withMsg } from '../../../model/msg.ts';
import { Secret } from '../../../model/secret.ts';
import { text } from '../../../schema/fields.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';

export const findSupplier = defineNode({
  kind: 'onboard/find-supplier',
  version: 0,
  summary:
    'Finds the power supplier by its secret key and takes the key out of the body, found or not. Found: metadata supplierId and supplierName. Otherwise metadata error is unknown-supplier-key or rate-limited; unknown, revoked and expired keys are one and the same.',
  since: '0.1.0',
  fields: {
    from: text('Key of the body that holds the secret.', { default: 'Power_supplier_secret_key', minLength: 1 }),
  },
  relations: ['Found', 'Not found', 'Rate limited'],
  examples: [
    {
      title: 'A known key',
      config: {},
      given: { suppliers: [{ name: 'Sol y Viento', keys: ['the key of Sol y Viento'] }] },
      msg: { data: { Power_supplier_secret_key: 'the key of Sol y Viento', model: 'GW-1' } },
      goesTo: 'Found',
      data: { model: 'GW-1' },
      metadata: { supplierName: 'Sol y Viento' },
    },
    {
      title: 'An unknown key',
      config: {},
      given: { suppliers: [{ name: 'Sol y Viento', keys: ['the key of Sol y Viento'] }] },
      msg: { data: { Power_supplier_secret_key: 'another key, long enough', model: 'GW-1' } },
      goesTo: 'Not found',
      data: { model: 'GW-1' },
      metadata: { error: 'unknown-supplier-key' },
    },
  ],
  secretKeys: ({ from }) => [from],
  create({ from }) {
    return {
      async onMsg(msg, context) {
        const { [from]: value, ...data } = dataObject(msg);
        if (value === undefined) throw new NodeFailure(`the body has no "${from}"`);
        const match = await context.findSupplier(msg, secretOf(value));
        const next = (metadata: Record<string, string>): Msg =>
          withMsg(msg, { data, metadata: { ...msg.metadata, ...metadata } });
        switch (match.kind) {
          case 'found':
            return { relation: 'Found', msg: next({ supplierId: match.id, supplierName: match.name }) };
          case 'not-found':
            return { relation: 'Not found', msg: next({ error: 'unknown-supplier-key' }) };
          case 'rate-limited':
            return {
              relation: 'Rate limited',
              msg: next({ error: 'rate-limited', retryAfterMs: String(match.retryAfterMs) }),
            };
        }
      },
    };
  },
});

function secretOf(value: JsonValue | Secret): Secret {
  if (value instanceof Secret) return value;
  return new Secret(typeof value === 'string' ? value : stringifyJson(value));
}
