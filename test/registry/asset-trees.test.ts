import { describe, expect, it } from 'vitest';
import type { NodeRef } from '../../src/model/tree.ts';
import { type AssetTrees, createAssetTrees } from '../../src/registry/asset-trees.ts';
import { openRooms } from '../helpers/rooms.ts';

async function open() {
  const rooms = await openRooms();
  const { documents, audit } = rooms.storage;
  const parts = { documents, audit, clock: rooms.clock };
  const make = (): AssetTrees => createAssetTrees(parts);
  return { rooms, trees: make(), make, [Symbol.asyncDispose]: () => rooms[Symbol.asyncDispose]() };
}
const node = (n: number | string): NodeRef => `ASSET:${n}`;
const top = (trees: AssetTrees, tree = 't') => trees.children(tree, { limit: 1_000 });

describe('asset trees', () => {
  it('a chain is as deep as its limit, and no node stands below itself, however it is moved', async () => {
    await using world = await open();
    const { trees } = world;
    await trees.create('t', 'test');
    await trees.add('t', { ref: node(0) }, 'test');
    for (let at = 1; at < 65; at++)
      await trees.add('t', { ref: node(at), parent: node(at - 1) }, 'test').catch(() => {});
    expect(await trees.path('t', node(63))).toHaveLength(64);
    expect(await trees.path('t', node(64))).toBeUndefined();
    await expect(trees.move('t', { ref: node(0), parent: node(5) }, 'test')).rejects.toThrow('below itself');
    await expect(trees.move('t', { ref: node(3), parent: node(3) }, 'test')).rejects.toThrow('below itself');
    await trees.move('t', { ref: node(5) }, 'test');
    expect(await trees.path('t', node(6))).toEqual([node(5), node(6)]);
    expect(await top(trees)).toEqual([node(0), node(5)]);
  });

  it('of two moves that would close a ring, one is refused, also from two brokers', async () => {
    await using world = await open();
    const { trees } = world;
    const other = world.make();
    await trees.create('t', 'test');
    for (const ref of ['a', 'b']) await trees.add('t', { ref: node(ref) }, 'test');
    const moves = await Promise.allSettled([
      trees.move('t', { ref: node('a'), parent: node('b') }, 'test'),
      other.move('t', { ref: node('b'), parent: node('a') }, 'test'),
    ]);
    expect(moves.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await top(trees)).toHaveLength(1);
  });

  it('many that are added at once from two brokers are all there, each once', async () => {
    await using world = await open();
    const all = [world.trees, world.make()];
    await world.trees.create('t', 'test');
    const added = await Promise.allSettled(
      Array.from({ length: 40 }, (_, at) => all[at % 2]?.add('t', { ref: node(Math.floor(at / 2)) }, 'test')),
    );
    expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    expect(await top(world.trees)).toHaveLength(20);
  });

  it('what is below a node that is taken out moves up, however much it is; a tree is deleted with all its nodes', async () => {
    await using world = await open();
    const { trees } = world;
    for (const name of ['t', 'u']) await trees.create(name, 'test');
    await trees.add('t', { ref: node('root') }, 'test');
    await trees.add('t', { ref: node('mid'), parent: node('root') }, 'test');
    for (let at = 0; at < 250; at++) await trees.add('t', { ref: node(at), parent: node('mid') }, 'test');
    await trees.add('u', { ref: node('mid') }, 'test');
    await trees.forget(node('mid'));
    expect(await trees.children('t', { parent: node('root'), limit: 1_000 })).toHaveLength(250);
    expect(await top(trees, 'u')).toEqual([]);
    expect(await trees.treesOf(node('mid'))).toEqual([]);
    await trees.remove('t', 'test');
    expect(await trees.treesOf(node(7))).toEqual([]);
    await expect(top(trees)).rejects.toThrow('NOT_FOUND');
    await trees.create('t', 'test');
    expect(await top(trees)).toEqual([]);
  });

  it('names of trees are letters, digits and little more', async () => {
    await using world = await open();
    for (const name of ['', '/', 'a/b', '-', '.', 'ü', 'a b', '__proto__', 'x'.repeat(65)]) {
      await expect(world.trees.create(name, 'test')).rejects.toThrow('BAD_REQUEST');
      await expect(top(world.trees, name)).rejects.toThrow('NOT_FOUND');
    }
    await world.trees.create('constructor', 'test');
    await expect(world.trees.create('constructor', 'test')).rejects.toThrow('NAME_TAKEN');
  });
});
