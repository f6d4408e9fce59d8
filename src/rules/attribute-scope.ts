import type { Msg } from '../model/msg.ts';
import { ATTRIBUTE_SCOPES, type AttributeScope } from '../model/telemetry.ts';
import { NodeFailure } from './node-kind.ts';

/** Metadata `scope` wins over the node's, as in ThingsBoard (thingsboard-rule-chains 2.7). */
export function scopeOf({ metadata }: Msg, fallback: AttributeScope): AttributeScope {
  const text = metadata.scope;
  if (text === undefined || text === '') return fallback;
  const scope = ATTRIBUTE_SCOPES.find((known) => known === text);
  if (scope === undefined) throw new NodeFailure(`metadata scope is none of ${ATTRIBUTE_SCOPES.join(', ')}`);
  return scope;
}
