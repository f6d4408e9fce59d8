import { describe, expect, it } from 'vitest';
import { lintChains } from '../../src/rules/generation.ts';
import type { chainText } from '../helpers/chain-kit.ts';
import { tempFolder, chainText as textOf } from '../helpers/chain-kit.ts';

type Nodes = Parameters<typeof chainText>[0];

const LOG = { kind: 'action/log' };
const call = (chain: string, to: Record<string, string> = {}) => ({ kind: 'flow/chain', config: { chain }, to });
const output = (label: string) => ({ kind: 'flow/output', config: { label } });

/** Findings of chains by name, the first one the root. */
async function findings(chains: Readonly<Record<string, Nodes>>) {
  const files = Object.entries(chains).map(([name, nodes], index) => [
    `${name}.json`,
    textOf(nodes, { name, root: index === 0 }),
  ]);
  await using folder = await tempFolder(Object.fromEntries(files));
  const issues = await lintChains(folder.path);
  return issues.filter(({ rule }) => rule !== 'dangling-label');
}

describe('lint: calls between chains', () => {
  it('finds nothing when every label that a caller has an edge for is an output of the called chain, in any case', async () => {
    const inner = { a: { ...LOG, to: { Success: 'o' } }, o: output('Attached') };
    expect(await findings({ main: { c: call('inner', { attached: 'l', Failure: 'l' }), l: LOG }, inner })).toEqual([]);
  });

  it('a label that no output of the called chain has is an error that names the near one', async () => {
    const chains = { main: { c: call('inner', { Atached: 'l' }), l: LOG }, inner: { o: output('Attached') } };
    expect(await findings(chains)).toMatchObject([
      {
        at: '/nodes/c/to',
        rule: 'unknown-relation',
        level: 'error',
        problem: 'chain "inner" never returns by "Atached"',
        hint: 'did you mean "Attached"?',
      },
    ]);
  });

  it('a label at the call of a chain without outputs is an error', async () => {
    const chains = { main: { c: call('inner', { Done: 'l' }), l: LOG }, inner: { l: LOG } };
    expect(await findings(chains)).toMatchObject([{ rule: 'unknown-relation', hint: 'it has no output node' }]);
  });

  it('a missing chain is an error that names the node; one that cannot be read is not missing too', async () => {
    expect(await findings({ main: { ask: call('none') } })).toMatchObject([
      { at: '/nodes/ask/config', rule: 'missing-chain', problem: 'node "ask" calls chain "none", which there is not' },
    ]);
    const broken = { l: { kind: 'action/lgo' } };
    expect(await findings({ main: { ask: call('inner') }, inner: broken })).toMatchObject([{ rule: 'unknown-kind' }]);
  });

  it('case 15: two chains that call each other load in any order, with a warning that names the circle', async () => {
    for (const names of [
      ['a', 'b'],
      ['b', 'a'],
    ]) {
      const [root = '', other = ''] = names;
      const chains = { [root]: { x: call(other) }, [other]: { y: call(root) } };
      const issues = await findings(chains);
      expect(issues).toMatchObject([{ rule: 'cycle', level: 'warning', at: expect.stringMatching(/^\/nodes\/[xy]$/) }]);
      expect(issues[0]?.problem).toMatch(
        /^chains call each other in a circle: [ab]\/[xy] -> [ab]\/[xy] -> [ab]\/[xy]$/,
      );
    }
  });

  it('a chain that calls itself goes round; one that is called twice in a row does not', async () => {
    expect(await findings({ main: { x: call('main') } })).toMatchObject([
      { problem: 'chains call each other in a circle: main/x -> main/x' },
    ]);
    const twice = { x: call('inner', { Done: 'y' }), y: call('inner', { Done: 'l' }), l: LOG };
    expect(await findings({ main: twice, inner: { o: output('Done') } })).toEqual([]);
  });

  it('a retry where nothing can fail for a while is an error', async () => {
    const retry = { attempts: 2, backoffMs: 1 };
    const nodes = { x: { ...call('inner'), retry } };
    expect(await findings({ main: nodes, inner: { l: LOG } })).toMatchObject([
      { at: '/nodes/x/retry', rule: 'bad-config' },
    ]);
  });
});
