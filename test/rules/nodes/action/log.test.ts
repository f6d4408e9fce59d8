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
