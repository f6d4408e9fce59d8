import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import type { Msg } from '../../src/model/msg.ts';
import { Secret } from '../../src/model/secret.ts';
import { NodeFailure } from '../../src/rules/node-kind.ts';
import { runChain, type TraceStep } from '../../src/rules/run.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { type Acts, compileActs, testMsg } from '../helpers/chain-kit.ts';

const context = createTestContext();
type Nodes = Parameters<typeof compileActs>[0];

/** Runs one message; `seen` holds `node:msg id` in order. */
function start(nodes: Nodes, acts: Acts = {}, options: Parameters<typeof runChain>[3] = {}, msg = testMsg()) {
  const seen: string[] = [];
  const noted = Object.fromEntries(
    Object.keys(nodes).map((name) => [
      name,
      (one: Msg) => {
        seen.push(`${name}:${one.id}`);
        return acts[name]?.(one);
      },
    ]),
  );
  const chain = compileActs(nodes, noted);
  return { seen, result: runChain(chain.first, msg, context, options) };
}

const fail = (text: string) => () => {
  throw new NodeFailure(text);
};

describe('routing', () => {
  it('follows a label whatever its case', () => {
    const { seen, result } = start(
      { a: { to: { 'post TELEMETRY': 'b' } }, b: {} },
      {
        a: (msg) => ({ relation: 'Post telemetry', msg }),
      },
    );
    expect(seen).toEqual(['a:m', 'b:m']);
    expect(result).toEqual({ outcome: 'processed' });
  });

  it('ends the branch as processed when no edge has the label', () => {
    const { seen, result } = start({ a: { to: { True: 'b' } }, b: {} }, { a: (msg) => ({ relation: 'False', msg }) });
    expect(seen).toEqual(['a:m']);
    expect(result).toEqual({ outcome: 'processed' });
  });

  it('gives no promise when every node answers at once', () => {
    const { result } = start({ a: { to: { Success: ['b', 'c'] } }, b: { to: { Success: 'd' } }, c: {}, d: {} });
    expect(result).not.toBeInstanceOf(Promise);
  });

  it('waits for a node that gives a promise, and goes on behind it', async () => {
    const { seen, result } = start(
      { a: { to: { Success: 'b' } }, b: { to: { Success: 'c' } }, c: {} },
      { b: async (msg) => ({ relation: 'Success', msg }) },
    );
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toEqual({ outcome: 'processed' });
    expect(seen).toEqual(['a:m', 'b:m', 'c:m']);
  });

  it('gives each branch of a fan-out a copy with an id of its own, one branch after the other', async () => {
    const { seen, result } = start(
      { a: { to: { Success: ['b', 'c'] } }, b: { to: { Success: 'd' } }, c: { to: { Success: 'd' } }, d: {} },
      { b: async (msg) => ({ relation: 'Success', msg }) },
    );
    await result;
    expect(seen).toEqual(['a:m', 'b:m.1', 'd:m.1', 'c:m.2', 'd:m.2']);
  });

  it('follows every edge of a set of labels, each label once', () => {
    const { seen } = start(
      { a: { to: { x: 'd', y: 'd' } }, d: {} },
      { a: (msg) => ({ relation: ['x', 'Y', 'X'], msg }) },
    );
    expect(seen).toEqual(['a:m', 'd:m.1', 'd:m.2']);
  });

  it('is done when a switch names no label', () => {
    const { seen, result } = start({ a: { to: { x: 'b' } }, b: {} }, { a: (msg) => ({ relation: [], msg }) });
    expect(seen).toEqual(['a:m']);
    expect(result).toEqual({ outcome: 'processed' });
  });

  it('keeps the message that a branch changed to that branch', () => {
    const data: unknown[] = [];
    start(
      { a: { to: { Success: ['b', 'c'] } }, b: { to: { Success: 'd' } }, c: { to: { Success: 'd' } }, d: {} },
      {
        b: (msg) => ({ relation: 'Success', msg: { ...msg, data: { from: 'b' } } }),
        d: (msg) => void data.push(msg.data),
      },
    );
    expect(data).toEqual([{ from: 'b' }, {}]);
  });
});

describe('failure', () => {
  it('dead-letters with chain, node and reason when Failure has no edge', () => {
    const { result } = start({ a: { to: { Success: 'b' } }, b: {} }, { b: fail('the store is away') });
    expect(result).toMatchObject({
      outcome: 'dead-lettered',
      letters: [{ chain: 'main', node: 'b', reason: 'the store is away', msg: { id: 'm' } }],
    });
  });

  it('leaves by Failure with the reason in metadata error', () => {
    const errors: unknown[] = [];
    const { result } = start(
      { a: { to: { Failure: 'b' } }, b: {} },
      { a: fail('no such supplier'), b: (msg) => void errors.push(msg.metadata.error) },
    );
    expect(errors).toEqual(['no such supplier']);
    expect(result).toEqual({ outcome: 'processed' });
  });

  it('treats a rejected promise like a throw', async () => {
    const { result } = start({ a: {} }, { a: () => Promise.reject(new BrokerError('STORE_UNAVAILABLE')) });
    expect(await result).toMatchObject({
      letters: [{ node: 'a', reason: 'STORE_UNAVAILABLE: The store did not take the write.' }],
    });
  });

  it('dead-letters only the branch that failed', async () => {
    const { seen, result } = start(
      { a: { to: { Success: ['b', 'c'] } }, b: {}, c: {} },
      { b: () => Promise.reject(new NodeFailure('no')) },
    );
    expect(await result).toMatchObject({ outcome: 'dead-lettered', letters: [{ node: 'b', msg: { id: 'm.1' } }] });
    expect(seen).toEqual(['a:m', 'b:m.1', 'c:m.2']);
  });

  it('fails a node whose label is no text', () => {
    const { result } = start({ a: {} }, { a: (msg) => ({ relation: 5, msg }) });
    expect(result).toMatchObject({ outcome: 'dead-lettered', letters: [{ node: 'a' }] });
  });

  it('fails a node that gives no message, at once or later', async () => {
    const letters = [{ node: 'a', reason: 'gave no message', msg: { id: 'm' } }];
    expect(start({ a: {} }, { a: () => 5 }).result).toMatchObject({ letters });
    expect(await start({ a: {} }, { a: async () => undefined }).result).toMatchObject({ letters });
  });

  it('never lets a secret or a supply point code into the reason', () => {
    const msg = testMsg({ data: { key: new Secret('the-secret-of-a-supplier') } });
    const act = () => {
      throw new TypeError('bad the-secret-of-a-supplier for ES1234123456789012JY0F');
    };
    const { result } = start({ a: {} }, { a: act }, {}, msg);
    expect(result).toMatchObject({ letters: [{ reason: 'TypeError: bad [redacted] for [supply point]' }] });
    expect(JSON.stringify(result)).not.toContain('the-secret-of');
  });
});

describe('limits', () => {
  const line = (count: number): Nodes =>
    Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`n${at + 1}`, at + 1 < count ? { to: { Success: `n${at + 2}` } } : {}]),
    );

  it('stops at the node behind the last allowed one, and names the limit', () => {
    const { result } = start(line(51), {}, { limits: { maxSteps: 50, deadlineMs: 0 } });
    expect(result).toMatchObject({
      letters: [{ node: 'n51', reason: 'STEP_LIMIT: more than 50 nodes visited, at node "n51" of chain "main"' }],
    });
  });

  it('lets a message visit any number of nodes with limit 0', () => {
    const { seen, result } = start(line(2000), {}, { limits: { maxSteps: 0, deadlineMs: 0 } });
    expect(seen).toHaveLength(2000);
    expect(result).toEqual({ outcome: 'processed' });
  });

  it('dead-letters at the node that does not answer in time', async () => {
    const { seen, result } = start(
      { a: { to: { Success: 'b' } }, b: { to: { Success: 'c' } }, c: {} },
      { b: () => new Promise(() => {}) },
      { limits: { maxSteps: 0, deadlineMs: 20 } },
    );
    expect(await result).toMatchObject({
      outcome: 'dead-lettered',
      letters: [{ node: 'b', reason: 'DEADLINE_EXCEEDED: not finished within 20 ms, at node "b" of chain "main"' }],
    });
    expect(seen).toEqual(['a:m', 'b:m']);
  });

  it('drops the answer of a node that comes after the deadline', async () => {
    let answer: (() => void) | undefined;
    const { seen, result } = start(
      { a: { to: { Success: 'b' } }, b: {} },
      { a: (msg) => new Promise((resolve) => (answer = () => resolve({ relation: 'Success', msg }))) },
      { limits: { maxSteps: 0, deadlineMs: 10 } },
    );
    await result;
    answer?.();
    await new Promise(setImmediate);
    expect(seen).toEqual(['a:m']);
  });

  it('notices a passed deadline among nodes without I/O too', () => {
    let now = 0;
    const clock = { now: () => 0, monotonic: () => now };
    const act = () => {
      now += 10;
    };
    const acts = Object.fromEntries(Object.keys(line(100)).map((name) => [name, act]));
    const { result } = start(line(100), acts, { clock, limits: { maxSteps: 0, deadlineMs: 50 } });
    expect(result).toMatchObject({ outcome: 'dead-lettered', letters: [{ node: 'n16' }] });
  });
});

describe('trace', () => {
  it('names node, labels and edges of each step', async () => {
    const steps: TraceStep[] = [];
    const { result } = start(
      { a: { to: { success: 'b' } }, b: { to: { Success: ['c', 'd'] } }, c: {}, d: {} },
      { b: async (msg) => ({ relation: 'Success', msg }), d: fail('no') },
      { trace: (step) => steps.push(step) },
    );
    await result;
    expect(steps.map(({ ms, ...step }) => step)).toEqual([
      {
        chain: 'main',
        node: 'a',
        kind: 'test/act',
        msgId: 'm',
        labels: ['Success'],
        to: [{ label: 'success', node: 'b' }],
      },
      {
        chain: 'main',
        node: 'b',
        kind: 'test/act',
        msgId: 'm',
        labels: ['Success'],
        to: [
          { label: 'Success', node: 'c' },
          { label: 'Success', node: 'd' },
        ],
      },
      { chain: 'main', node: 'c', kind: 'test/act', msgId: 'm.1', labels: ['Success'], to: [] },
      { chain: 'main', node: 'd', kind: 'test/act', msgId: 'm.2', labels: ['Failure'], to: [], error: 'no' },
    ]);
  });
});
