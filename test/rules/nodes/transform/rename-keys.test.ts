import { describe, expect, it } from 'vitest';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

const renamed = async (msg: Record<string, string>, data: Record<string, number>) =>
  (await makeNode('transform/rename-keys', { msg }).run(testMsg({ data }))).msg.data;

describe('transform/rename-keys', () => {
  it('renames all at once, so that two keys can change places', async () => {
    expect(await renamed({ a: 'b', b: 'a' }, { a: 1, b: 2 })).toEqual({ a: 2, b: 1 });
  });

  it('keeps a key that is renamed to itself, and minds no missing one', async () => {
    expect(await renamed({ a: 'a', gone: 'x' }, { a: 1 })).toEqual({ a: 1 });
  });

  it('lets a renamed key win over one that had the name', async () => {
    expect(await renamed({ a: 'b' }, { a: 1, b: 2 })).toEqual({ b: 1 });
  });

  it('finds two keys that would have one name', () => {
    expect(lintNode('transform/rename-keys', { msg: { a: 'c', b: 'c' } })).toMatchObject([{ at: '/msg' }]);
  });
});
