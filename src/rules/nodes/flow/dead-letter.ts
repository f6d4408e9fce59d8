import { text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { compileText } from '../../template.ts';

export const deadLetter = defineNode({
  kind: 'flow/dead-letter',
  version: 0,
  summary: 'Ends the message as a dead letter with a reason: it is kept for a person to look at and to run again.',
  since: '0.1.0',
  fields: {
    reason: text('Why; ${key} is metadata, $[key] the body.', { minLength: 1, examples: ['no grid: ${error}'] }),
  },
  relations: [],
  examples: [
    {
      title: 'A reason from the metadata',
      config: { reason: 'onboarding failed: ${error}' },
      msg: { data: {}, metadata: { error: 'STORE_UNAVAILABLE' } },
      goesTo: 'Failure',
      metadata: { error: 'onboarding failed: STORE_UNAVAILABLE' },
    },
  ],
  create({ reason }) {
    const render = compileText(reason);
    return {
      onMsg(msg) {
        throw new NodeFailure(render(msg));
      },
    };
  },
});
