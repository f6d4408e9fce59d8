import { describe, expect, it } from 'vitest';
import { NodeFailure } from '../../../src/rules/node-kind.ts';
import { by, loadSet } from '../../helpers/chain-set.ts';

const fail = (text: string) => () => {
  throw new NodeFailure(text);
};
const log = (text: string) => ({ kind: 'action/log', config: { text } });
const PROCESSED = { outcome: 'processed' };

describe('routing', () => {
  it('case 16: an edge "success" takes what leaves by "Success"', async () => {
    const set = await loadSet({ main: { a: { to: { success: 'b' } }, b: {} } });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['a:m', 'b:m']);
  });

  it('case 17: False with only True connected is processed, not failed', async () => {
    const set = await loadSet({ main: { a: { to: { True: 'b' } }, b: {} } }, { a: by('False') });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['a:m']);
  });

  it('case 18: a node that fails without a Failure edge dead-letters with chain, node and reason', async () => {
    const set = await loadSet({ main: { a: { to: { Success: 'b' } }, b: {} } }, { a: fail('no supplier') });
    expect(await set.run()).toMatchObject({
      outcome: 'dead-lettered',
      letters: [{ chain: 'main', node: 'a', reason: 'no supplier' }],
    });
  });

  it('case 19: a node that fails into a Failure edge is processed', async () => {
    const set = await loadSet(
      { main: { a: { to: { Failure: 'say' } }, say: log('because ${error}') } },
      { a: fail('x') },
    );
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.context.logs.map(({ text }) => text)).toEqual(['because x']);
  });

  it('case 20: Success to two nodes runs both, each with an id of its own', async () => {
    const set = await loadSet({ main: { a: { to: { Success: ['b', 'c'] } }, b: {}, c: {} } });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['a:m', 'b:m.1', 'c:m.2']);
  });

  it.each(['first', 'second'])('case 21: the %s branch fails, the effects of the other stay', async (which) => {
    const edges = which === 'first' ? ['bad', 'save'] : ['save', 'bad'];
    const set = await loadSet(
      { main: { a: { to: { Success: edges } }, bad: {}, save: { kind: 'action/save-telemetry' } } },
      { bad: fail('broken') },
    );
    const result = await set.run({ data: { power: 5 } });
    expect(result).toMatchObject({ outcome: 'dead-lettered', letters: [{ node: 'bad' }] });
    expect(result.outcome === 'dead-lettered' && result.letters.length).toBe(1);
    expect(set.context.telemetry.get('meter-1')).toMatchObject([{ values: { power: 5 } }]);
  });

  it('case 22: a switch that names two labels with an edge to one node each runs it twice', async () => {
    const set = await loadSet({ main: { s: { to: { a: 'x', b: 'x' } }, x: {} } }, { s: by(['a', 'b']) });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['s:m', 'x:m.1', 'x:m.2']);
  });

  const line = Object.fromEntries(
    Array.from({ length: 51 }, (_, i) => [`n${i + 1}`, i < 50 ? { to: { Success: `n${i + 2}` } } : {}]),
  );

  it('case 26: 51 nodes in a line fail at node 51 under a limit of 50, which is named, and pass without one', async () => {
    const set = await loadSet({ main: line });
    const limited = await set.run({}, { limits: { maxSteps: 50, deadlineMs: 0 } });
    const reason = 'STEP_LIMIT: more than 50 nodes visited, at node "n51" of chain "main"';
    expect(limited).toMatchObject({ outcome: 'dead-lettered', letters: [{ chain: 'main', node: 'n51', reason }] });
    expect(await set.run({}, { limits: { maxSteps: 0, deadlineMs: 0 } })).toEqual(PROCESSED);
  });

  it('case 26: nodes of called chains take from the same limit', async () => {
    const call = { kind: 'flow/chain', config: { chain: 'inner' } };
    const set = await loadSet({
      main: { a: { to: { Success: 'go' } }, go: call },
      inner: { b: { to: { Success: 'c' } }, c: {} },
    });
    const result = await set.run({}, { limits: { maxSteps: 3, deadlineMs: 0 } });
    expect(result).toMatchObject({
      letters: [{ chain: 'inner', node: 'c', reason: expect.stringContaining('STEP_LIMIT') }],
    });
  });
});

const call = (chain: string, to: Record<string, string | string[]> = {}) => ({
  kind: 'flow/chain',
  config: { chain },
  to,
});
const output = (label: string) => ({ kind: 'flow/output', config: { label } });

describe('nested chains', () => {
  it('case 27: a chain that calls itself fails at that node', async () => {
    const set = await loadSet({ main: { again: call('main', { Failure: 'say' }), say: log('${error}') } });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.context.logs.map(({ text }) => text)).toEqual(['the chain calls itself']);
  });

  it('case 27: A calls B calls A fails at the second visit', async () => {
    const set = await loadSet({ A: { x: call('B') }, B: { y: call('A') } });
    const reason = 'the call of chain "B" goes round: the message is inside it already';
    expect(await set.run()).toMatchObject({ outcome: 'dead-lettered', letters: [{ chain: 'A', node: 'x', reason }] });
  });

  it('case 27: two nodes of a chain may call the same chain, one behind the other', async () => {
    const set = await loadSet({ A: { x: call('B', { Done: 'z' }), z: call('B') }, B: { o: output('Done') } });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.generation.counters().find(({ node }) => node === 'o')).toMatchObject({ in: 2 });
  });

  it('case 28: a message that reaches the output "Attached" leaves the caller by it, in any case', async () => {
    const chains = {
      main: { in: call('inner', { attached: 'after' }), after: {} },
      inner: { b: { to: { Success: 'o' } }, o: output('Attached') },
    };
    const set = await loadSet(chains, { b: (msg) => ({ relation: 'Success', msg: { ...msg, data: { from: 'b' } } }) });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['b:m', 'after:m']);
    expect(set.paths()).toEqual([['in', 'chain inner', 'b', 'Success', 'o', 'attached', 'after']]);
    expect(set.generation.counters().find(({ node }) => node === 'in')).toMatchObject({
      in: 1,
      edges: { attached: 1 },
    });
  });

  it('case 28: a called chain without an output just ends the branch', async () => {
    const set = await loadSet({ main: { in: call('inner'), ...{} }, inner: { b: {} } });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['b:m']);
  });

  it('case 28: each branch inside comes back on its own; a call three deep comes back to its own caller', async () => {
    const set = await loadSet({
      main: { in: call('mid', { Up: 'after' }), after: {} },
      mid: {
        fan: { to: { Success: ['one', 'two'] } },
        one: call('deep', { Out: 'up' }),
        two: call('deep', { Out: 'up' }),
        up: output('Up'),
      },
      deep: { o: output('Out') },
    });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['fan:m', 'after:m.1', 'after:m.2']);
  });

  it('case 28: the output "Failure" without an edge at the caller fails the message there', async () => {
    const set = await loadSet({ main: { in: call('inner') }, inner: { o: output('Failure') } });
    expect(await set.run()).toMatchObject({ outcome: 'dead-lettered', letters: [{ chain: 'main', node: 'in' }] });
  });

  it('case 28: nodes that answer later come back all the same', async () => {
    const chains = {
      main: { in: call('inner', { Out: 'after' }), after: {} },
      inner: { b: { to: { Success: 'o' } }, o: output('Out') },
    };
    const set = await loadSet(chains, { b: async (msg) => ({ relation: 'Success', msg }) });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.seen).toEqual(['b:m', 'after:m']);
  });

  it('case 29: an output node in a chain that nobody called ends the message as processed', async () => {
    const set = await loadSet({ main: { o: output('Failure') } });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.paths()).toEqual([['o']]);
  });
});

describe('acknowledge', () => {
  const chains = {
    main: { a: { to: { Success: 'ack' } }, ack: { kind: 'flow/ack', to: { Success: 'bad' } }, bad: {} },
  };

  it('case 30: what fails behind it does not matter to the outcome', async () => {
    const set = await loadSet(chains, { bad: fail('too late') });
    expect(await set.run()).toEqual(PROCESSED);
    expect(set.steps.at(-1)).toMatchObject({ node: 'bad', error: 'too late' });
    expect(set.generation.counters().find(({ node }) => node === 'bad')).toMatchObject({ failed: 1, deadLettered: 0 });
  });

  it('case 30: the outcome stands before the rest runs, and after every other branch', async () => {
    const set = await loadSet(
      {
        main: {
          a: { to: { Success: ['ack', 'save'] } },
          ack: { kind: 'flow/ack', to: { Success: 'late' } },
          late: {},
          save: {},
        },
      },
      { late: fail('too late') },
    );
    const result = await set.run({}, { splitAtAck: true });
    expect([result.outcome, set.seen]).toEqual(['processed', ['a:m', 'save:m.2']]);
    expect(await result.rest?.(set.context)).toMatchObject([{ node: 'late', reason: 'too late' }]);
    expect(set.seen).toEqual(['a:m', 'save:m.2', 'late:m.1']);
  });
});
