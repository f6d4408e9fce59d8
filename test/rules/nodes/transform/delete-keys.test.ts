import { describe, expect, it } from 'vitest';
import { dataObject } from '../../../../src/rules/index.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

async function left(patterns: string[], keys: string[]): Promise<string[]> {
  const data = Object.fromEntries(keys.map((key) => [key, 1]));
  const { msg } = await makeNode('transform/delete-keys', { msg: patterns }).run(testMsg({ data }));
  return Object.keys(dataObject(msg));
}

describe('transform/delete-keys', () => {
  it.each([
    ['Power_*', ['CUPS', 'xPower_a']],
    ['*', []],
    ['*_a', ['Power_', 'CUPS', 'Power_key']],
    ['P*_*y', ['Power_', 'CUPS', 'xPower_a']],
    ['Power', ['Power_', 'CUPS', 'Power_key', 'xPower_a']],
    ['Power_*_', ['Power_', 'CUPS', 'Power_key', 'xPower_a']],
  ])('%s leaves %j', async (pattern, expected) => {
    expect(await left([pattern], ['Power_', 'CUPS', 'Power_key', 'xPower_a'])).toEqual(expected);
  });

  it('takes letters of patterns as they are', async () => {
    expect(await left(['a.c', 'x.*'], ['abc', 'a.c', 'xyz', 'x.y'])).toEqual(['abc', 'xyz']);
  });

  it('takes keys out of the metadata alone', async () => {
    const msg = testMsg({ data: { a: 1 }, metadata: { a: 'x', b: 'y' }, text: '{"a":1}' });
    const out = (await makeNode('transform/delete-keys', { metadata: ['a'] }).run(msg)).msg;
    expect(out).toMatchObject({ data: { a: 1 }, metadata: { b: 'y' }, text: '{"a":1}' });
    expect(out.metadata).not.toHaveProperty('a');
  });

  it('is linear in long keys and many stars', async () => {
    const began = performance.now();
    await left([`${'a*'.repeat(200)}b`], ['a'.repeat(20_000)]);
    expect(performance.now() - began).toBeLessThan(200);
  });

  it('warns when it does nothing', () => {
    expect(lintNode('transform/delete-keys', {})).toMatchObject([{ level: 'warning' }]);
  });
});
