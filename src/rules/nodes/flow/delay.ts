import { integer, text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { compileText } from '../../template.ts';

const MAX_SECONDS = 31_536_000;

export const delay = defineNode({
  kind: 'flow/delay',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.delay.TbMsgDelayNode',
    version: 0,
    read({ periodInSeconds = 60, periodInSecondsPattern, useMetadataPeriodInSecondsPatterns = false }) {
      if (useMetadataPeriodInSecondsPatterns !== true) return { periodInSeconds };
      if (typeof periodInSecondsPattern !== 'string') throw new NodeFailure('"periodInSecondsPattern" is missing');
      return { periodInSecondsPattern };
    },
    write: ({ periodInSeconds, periodInSecondsPattern }) => ({
      periodInSeconds,
      maxPendingMsgs: 1000,
      periodInSecondsPattern: periodInSecondsPattern === '' ? null : periodInSecondsPattern,
      useMetadataPeriodInSecondsPatterns: periodInSecondsPattern !== '',
    }),
  },
  version: 0,
  summary:
    'Stores the message, which is thereby acknowledged, and lets it go on after a time as a message of its own, also after a restart. Of one originator 1,000 messages may wait; one more fails.',
  since: '0.3.0',
  fields: {
    periodInSeconds: integer('Time until it goes on, s.', { default: 60, minimum: 0, maximum: MAX_SECONDS }),
    periodInSecondsPattern: text(
      'The same from the message: ${key} is metadata, $[key] the body. Wins when not empty.',
      {
        default: '',
        examples: ['${retryAfter}'],
      },
    ),
  },
  relations: ['Success'],
  examples: [
    { title: 'A minute later', config: {}, msg: { data: { power: 230 } }, goesTo: 'Success' },
    {
      title: 'A time that is no number',
      config: { periodInSecondsPattern: '${retryAfter}' },
      msg: { data: {}, metadata: { retryAfter: 'soon' } },
      goesTo: 'Failure',
    },
  ],
  create({ periodInSeconds, periodInSecondsPattern }, { chain, node }) {
    const render = periodInSecondsPattern === '' ? undefined : compileText(periodInSecondsPattern);
    return {
      onMsg(msg, context) {
        const seconds = render === undefined ? periodInSeconds : secondsOf(render(msg));
        return context.storeForLater(msg, { chain, node, dueAt: context.now() + seconds * 1000 });
      },
    };
  },
});

function secondsOf(rendered: string): number {
  const seconds = /^\d{1,9}$/.test(rendered) ? Number(rendered) : Number.NaN;
  if (seconds <= MAX_SECONDS) return seconds;
  throw new NodeFailure(`the time is no whole number of seconds up to ${MAX_SECONDS}`);
}
