import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

const leaf = (fact: string, path: string | undefined, operator: string, value: unknown) => ({
  conditions: { all: [{ fact, ...(path ? { path } : {}), operator, value }] },
});
const goes = async (config: object, change = {}) =>
  (await makeNode('filter/conditions', config).run(testMsg(change))).relation;

describe('filter/conditions', () => {
  it('sees body, metadata, type and originator', async () => {
    expect(await goes(leaf('msg', '$.a', 'equal', 1), { data: { a: 1 } })).toBe('True');
    expect(await goes(leaf('metadata', '$.k', 'equal', 'v'), { metadata: { k: 'v' } })).toBe('True');
    expect(await goes(leaf('msgType', undefined, 'equal', 'POST_TELEMETRY_REQUEST'))).toBe('True');
    expect(await goes(leaf('originator', '$.name', 'equal', 'meter-1'))).toBe('True');
    expect(await goes(leaf('originator', '$.name', 'equal', 'meter-2'))).toBe('False');
  });

  it('lets no condition look into a secret', async () => {
    const data = { key: new Secret('hidden text') };
    expect(await goes(leaf('msg', '$.key', 'equal', 'hidden text'), { data })).toBe('False');
    expect(await goes(leaf('msg', '$.key', 'startsWith', 'hidden'), { data })).toBe('False');
  });

  it('finds a bad operator and a bad path at load, with their place', () => {
    const config = leaf('msg', '$.a', 'equals', 1);
    expect(() => lintNode('filter/conditions', config)).toThrow(/equals|operator/);
    expect(lintNode('filter/conditions', leaf('msg', '$..[?(@.x)]', 'equal', 1))).toMatchObject([
      { at: '/conditions/all/0/path' },
    ]);
  });
});
