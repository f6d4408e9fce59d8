import type { JsonObject } from '../../../model/json.ts';
import { json } from '../../../schema/fields.ts';
import { compileCondition, conditionSchema } from '../../conditions.ts';
import { defineNode } from '../../node-kind.ts';

export const conditions = defineNode({
  kind: 'filter/conditions',
  version: 0,
  summary:
    'Sends a message to True when conditions in the format of json-rules-engine hold. Facts are msg, metadata, msgType and originator; they are compiled at load.',
  since: '0.1.0',
  fields: {
    conditions: json('What must hold: all, any or not of conditions.', conditionSchema),
  },
  relations: ['True', 'False'],
  examples: [
    {
      title: 'A voltage out of its band',
      config: {
        conditions: {
          any: [
            { fact: 'msg', path: '$.voltage', operator: 'lessThan', value: 207 },
            { fact: 'msg', path: '$.voltage', operator: 'greaterThan', value: 253 },
          ],
        },
      },
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { voltage: 260 } },
      goesTo: 'True',
    },
    {
      title: 'A missing fact makes a leaf false',
      config: { conditions: { all: [{ fact: 'msg', path: '$.voltage', operator: 'lessThan', value: 207 }] } },
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { power: 3 } },
      goesTo: 'False',
    },
  ],
  *lint(config) {
    const compiled = compileCondition(config.conditions);
    if (compiled.ok) return;
    for (const issue of compiled.issues) yield { ...issue, at: `/conditions${issue.at}` };
  },
  create(config) {
    const compiled = compileCondition(config.conditions);
    if (!compiled.ok) throw new Error(compiled.issues[0]?.problem ?? 'the conditions are not valid');
    return {
      onMsg(msg) {
        // A secret is an opaque object to every operator: present, and equal to nothing.
        const facts = {
          msg: msg.data as JsonObject,
          metadata: msg.metadata,
          msgType: msg.type,
          originator: msg.originator,
        };
        return { relation: compiled.test(facts) ? 'True' : 'False', msg };
      },
    };
  },
});
