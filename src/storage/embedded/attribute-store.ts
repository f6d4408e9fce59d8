import type { TimedValue } from '../../model/telemetry.ts';
import type { AttributeStore } from '../attribute-store.ts';
import { storedJson } from '../stored-json.ts';
import {
  attributeKey,
  attributeTexts,
  putAttributes,
  type StoredAttribute,
  scopePrefix,
  unpackAttribute,
} from './attributes.ts';
import type { Committer } from './committer.ts';
import { isEntity } from './entities.ts';
import type { Environment } from './environment.ts';
import { idKey, prefixEnd } from './keys.ts';

export function createAttributeStore({ tables }: Environment, committer: Committer): AttributeStore {
  const { attributes } = tables;
  return {
    async save({ entityId, scope, values, ts, onlyOnChange }) {
      const id = idKey(entityId);
      if (id === undefined) return [];
      const texts = attributeTexts(values);
      const bytes = texts.reduce((sum, [key, text]) => sum + key.length + text.length, 0);
      return committer.run(
        (tx) => (isEntity(tables, id) ? putAttributes(tables, tx, { id, scope, ts, texts, onlyOnChange }) : []),
        { bytes },
      );
    },
    async read(entityId, scope, keys) {
      const id = idKey(entityId);
      const found: StoredAttribute[] = [];
      if (id !== undefined && keys === undefined) {
        const prefix = scopePrefix(id, scope);
        for (const { value } of attributes.entries({ from: prefix, to: prefixEnd(prefix) }))
          found.push(unpackAttribute(value));
      } else if (id !== undefined) {
        for (const key of new Set(keys)) {
          const bytes = attributes.get(attributeKey(id, scope, key));
          if (bytes !== undefined) found.push(unpackAttribute(bytes));
        }
      }
      found.sort((a, b) => a.order - b.order);
      return new Map<string, TimedValue>(found.map(({ key, ts, text }) => [key, { ts, value: storedJson(text) }]));
    },
    async remove(entityId, scope, keys) {
      const id = idKey(entityId);
      if (id === undefined) return [];
      return committer.run(() => [...new Set(keys)].filter((key) => attributes.remove(attributeKey(id, scope, key))));
    },
  };
}
