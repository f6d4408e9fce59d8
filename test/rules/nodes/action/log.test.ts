import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

function logged(config: object, data: Parameters<typeof testMsg>[0] = {}) {
  const context = createTestContext();
  makeNode('action/log', config, { chain: 'main', node: 'note' }).run(testMsg(data), context);
  return context.logs;
}

describe('action/log', () => {
  it('says where it stands and which device sent what', () => {
    expect(logged({ level: 'warn', text: 'power is $[power]' }, { data: { power: 230 } })).toEqual([
      {
        level: 'warn',
        text: 'power is 230',
        facts: { chain: 'main', node: 'note', device: 'meter-1', type: 'POST_TELEMETRY_REQUEST' },
      },
    ]);
  });

  it('masks supply points and redacts secrets, in the text and in the body', () => {
    const data = { CUPS: 'ES1234123456789012JY', key: new Secret('hidden text') };
    const [line] = logged({ text: 'point $[CUPS] key $[key]', data: true }, { data });
    expect(line?.text).toMatch(/^point ES1234…JY#[0-9a-f]{6} key \[redacted\]$/);
    expect(JSON.stringify(line)).not.toMatch(/hidden text|123456789012/);
    expect(line?.facts.data).toMatchObject({ key: '[redacted]' });
  });
});

describe('action/log with a script', () => {
  it('writes what the script returns, and lets it see masked values only', () => {
    const data = { CUPS: 'ES1234123456789012JY', key: new Secret('hidden text'), power: 5 };
    const jsScript = "return msgType + ' ' + msg.power + ' ' + msg.CUPS + ' ' + JSON.stringify(msg);";
    const [line] = logged({ jsScript }, { data });
    expect(line?.text).toMatch(/^POST_TELEMETRY_REQUEST 5 ES1234…JY#[0-9a-f]{6} \{/);
    expect(line?.text).not.toMatch(/hidden|123456789012/);
  });

  it('fails on what is no text; TBEL writes it as JSON', () => {
    expect(() => logged({ jsScript: 'return msg;' })).toThrow('the script returns a text, not an object');
    expect(logged({ scriptLang: 'TBEL', tbelScript: 'return msg;' }, { data: { a: 1 } })[0]?.text).toBe('{"a":1}');
  });

  it("ThingsBoard's own default script runs as it is", () => {
    const jsScript =
      "return '\\nIncoming message:\\n' + JSON.stringify(msg) + '\\nIncoming metadata:\\n' + JSON.stringify(metadata);";
    expect(logged({ jsScript }, { data: { a: 1 } })[0]?.text).toBe(
      '\nIncoming message:\n{"a":1}\nIncoming metadata:\n{}',
    );
  });
});
