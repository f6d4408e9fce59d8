import { appTopicProblem, toTopicLevel } from '../../../model/app-topic.ts';
import { flag, integer, oneOf, optional, text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { payloadText } from '../../outside/index.ts';
import { compileTextWith } from '../../template.ts';

const LEVELS = { AT_MOST_ONCE: 0, AT_LEAST_ONCE: 1 } as const;

export const mqttPublish = defineNode({
  kind: 'external/mqtt-publish',
  version: 0,
  summary:
    'Publishes the body to app clients: back ends that log in to this broker by MQTT with an API key. Topics begin with app/; what a supplier may see is below app/supplier/<id of the supplier>/. Secrets are left out.',
  since: '0.2.0',
  fields: {
    topicPattern: text(
      'Topic below app/; ${key} is metadata, $[key] the body. A value that is filled in is one level: / + # and % in it become %2F %2B %23 and %25.',
      { minLength: 1, examples: ['app/supplier/${supplierId}/telemetry/${deviceName}'] },
    ),
    qos: oneOf(
      'AT_LEAST_ONCE: stored with the message for sessions that are kept; AT_MOST_ONCE: for who is connected.',
      ['AT_MOST_ONCE', 'AT_LEAST_ONCE'],
      { default: 'AT_LEAST_ONCE' },
    ),
    retain: flag('Whether the topic keeps it for later subscribers; an empty text body takes it away.', {
      default: false,
    }),
    parseToPlainText: flag('Whether a body that is one JSON text is sent without its quotes.', { default: false }),
    expirySec: optional(integer('Seconds after which nobody wants it any more.', { minimum: 1, maximum: 31_536_000 })),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'Telemetry goes to the back ends of the supplier',
      config: { topicPattern: 'app/supplier/${supplierId}/telemetry/${deviceName}' },
      msg: { data: { power: 230 }, metadata: { supplierId: 'f0e1', deviceName: 'hall 2/meter-1' } },
      goesTo: 'Success',
    },
    {
      title: 'A value is missing',
      config: { topicPattern: 'app/grid/${gridCode}' },
      msg: { data: { power: 230 } },
      goesTo: 'Failure',
    },
  ],
  *lint({ topicPattern }) {
    // Whatever is filled in is one level of the topic.
    const problem = appTopicProblem(topicPattern.replace(/\$\{[^{}]+\}|\$\[[^[\]]+\]/g, 'x'));
    if (problem) yield { at: '/topicPattern', problem: `the topic ${problem}` };
  },
  create(config) {
    const topicOf = compileTextWith(config.topicPattern, toTopicLevel);
    const { retain, parseToPlainText, expirySec } = config;
    const rest = { qos: LEVELS[config.qos], retain, ...(expirySec ? { expiryMs: expirySec * 1_000 } : {}) };
    return {
      onMsg(msg, context) {
        const topic = topicOf(msg);
        const problem = appTopicProblem(topic);
        if (problem) throw new NodeFailure(`the topic ${problem}`);
        context.publishToApps(msg, { topic, payload: payloadText(msg, parseToPlainText), ...rest });
        return { relation: 'Success', msg };
      },
    };
  },
});
