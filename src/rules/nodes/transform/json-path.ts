import type { JsonValue } from '../../../model/json.ts';
import { type MsgBody, withMsg } from '../../../model/msg.ts';
import { Secret } from '../../../model/secret.ts';
import { text } from '../../../schema/fields.ts';
import { compileJsonPath } from '../../json-path.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';

export const jsonPath = defineNode({
  kind: 'transform/json-path',
  thingsboard: { type: 'org.thingsboard.rule.engine.transform.TbJsonPathNode', version: 0, read: nonNull },
  version: 0,
  summary:
    "Makes what a path finds the body of the message. Paths hold names, indexes and the wildcards [*] and .*, no filters and no scripts: $.a.b['c d'][0].e[*]. With a wildcard the body becomes the list of what is found; without one, nothing found is a failure.",
  since: '0.3.0',
  fields: { jsonPath: text('The path.', { default: '$', examples: ['$.readings[*].value'] }) },
  relations: ['Success'],
  examples: [
    {
      title: 'What stands in an envelope',
      config: { jsonPath: '$.payload' },
      msg: { data: { payload: { power: 230 }, signature: 'none' } },
      goesTo: 'Success',
      data: { power: 230 },
    },
    {
      title: 'One member of every reading',
      config: { jsonPath: '$.readings[*].value' },
      msg: { data: { readings: [{ value: 1 }, { state: 'ok' }, { value: 2 }] } },
      goesTo: 'Success',
      data: [1, 2],
    },
    { title: 'Nothing there', config: { jsonPath: '$.payload' }, msg: { data: {} }, goesTo: 'Failure' },
  ],
  *lint(config) {
    const compiled = compileJsonPath(config.jsonPath);
    if (!compiled.ok) yield { at: '/jsonPath', problem: compiled.problem, hint: compiled.hint };
  },
  create(config) {
    const compiled = compileJsonPath(config.jsonPath);
    if (!compiled.ok) throw new Error(compiled.problem);
    const { read } = compiled;
    return {
      onMsg(msg) {
        if (config.jsonPath === '$') return { relation: 'Success', msg };
        const found = read(msg.data);
        if (found === undefined) throw new NodeFailure(`there is nothing at ${config.jsonPath}`);
        const secret = found instanceof Secret || (Array.isArray(found) && found.some((one) => one instanceof Secret));
        if (secret) throw new NodeFailure(`what is at ${config.jsonPath} is a secret`);
        return { relation: 'Success', msg: withMsg(msg, { data: found as JsonValue as MsgBody }) };
      },
    };
  },
});
