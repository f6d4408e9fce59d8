import { flag, oneOf, text } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';
import { redactBody, redactMsg, redactText } from '../../redact.ts';
import { hasScript, lintScript, readScript, scriptFields, scriptOf, writeScript } from '../../script/index.ts';
import { compileText, textAsScript } from '../../template.ts';

const DEFAULT_TEXT = 'message logged';

export const log = defineNode({
  kind: 'action/log',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.action.TbLogNode',
    version: 0,
    // ThingsBoard passes over what is ours; with `text` in it, the script is one that `write` made.
    read(configuration) {
      const { level, text, data } = configuration;
      return typeof text === 'string' ? { level, text, data } : readScript(configuration);
    },
    write(config) {
      const { text, level, data } = config;
      if (config.jsScript === undefined && config.tbelScript === undefined) {
        return { scriptLang: 'JS', jsScript: textAsScript(String(text)), level, text, data };
      }
      const { scriptLang, jsScript, tbelScript } = writeScript(config);
      const script = { scriptLang, jsScript, tbelScript };
      return { ...script, ...(level === 'info' ? {} : { level }), ...(data ? { data } : {}) };
    },
  },
  version: 0,
  summary: 'Writes one log line about the message. Secrets are never written, supply point codes only masked.',
  since: '0.1.0',
  fields: {
    level: oneOf('Level of the line.', ['debug', 'info', 'warn', 'error'], { default: 'info' }),
    text: text('Words of the line; ${key} is metadata, $[key] the body.', {
      default: DEFAULT_TEXT,
      examples: ['refused: ${error}'],
    }),
    data: flag('Write the body as well.', { default: false }),
    ...scriptFields({
      js: ["return 'power is ' + msg.power;"],
      tbel: ["return 'power is ' + msg.power;"],
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A line with a reason',
      config: { level: 'warn', text: 'refused: ${error}' },
      msg: { data: {}, metadata: { error: 'checksum' } },
      goesTo: 'Success',
    },
    {
      title: 'A placeholder without a value is a failure',
      config: { text: 'power is $[power]' },
      msg: { data: { voltage: 230 } },
      goesTo: 'Failure',
    },
    {
      title: 'A line that a script makes',
      config: { jsScript: "return 'power is ' + msg.power.toFixed(1) + ' W';" },
      msg: { data: { power: 230 } },
      goesTo: 'Success',
    },
  ],
  *lint(config) {
    if (!hasScript(config)) return;
    yield* lintScript(config);
    if (config.text === DEFAULT_TEXT) return;
    yield { at: '/text', problem: 'the words of the line come from the script', hint: 'remove text, or the script' };
  },
  create(config, { chain, node }) {
    const { level, data } = config;
    const render = hasScript(config) ? scriptOf(config).text : compileText(config.text);
    return {
      onMsg(msg, context) {
        // The script sees what may be written, and nothing else.
        const shown = { ...msg, ...redactMsg(msg, context) };
        context.log(level, render(shown, context.now()), {
          chain,
          node,
          device: redactText(msg.originator.name, context),
          type: msg.type,
          ...(data ? { data: redactBody(msg.data, context) } : {}),
        });
        return { relation: 'Success', msg };
      },
    };
  },
});
