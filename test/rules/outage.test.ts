import { describe, expect, it } from 'vitest';
import { outageOf } from '../../src/device-api/letters.ts';
import { BrokerError } from '../../src/errors.ts';
import type { RunResult } from '../../src/rules/run.ts';
import type { Acts } from '../helpers/chain-kit.ts';
import { loadSet } from '../helpers/chain-set.ts';

const away = (): never => {
  throw new BrokerError('STORE_UNAVAILABLE');
};
const awayLater: Acts[string] = () => Promise.reject(new BrokerError('STORE_UNAVAILABLE'));
const never = (): boolean => false;

function reasonOf(result: RunResult): unknown {
  return result.outcome === 'dead-lettered' && result.letters.map(({ node, notItsFault }) => [node, notItsFault]);
}

describe('a node for which the store did not answer', () => {
  it.each([
    ['at once', away],
    ['later', awayLater],
  ])('%s: ends the message, whatever its Failure edge says, and no other branch runs', async (_, act) => {
    const main = { a: { to: { Success: ['b', 'c'] } }, b: { to: { Failure: 'saved' } }, c: {}, saved: {} };
    const set = await loadSet({ main }, { b: act });
    const result = await set.run();
    expect(reasonOf(result)).toEqual([['b', { kind: 'store' }]]);
    expect(set.seen).toEqual(['a:m', 'b:m.1']);
    expect(outageOf(result, never)).toBe('STORE_UNAVAILABLE: The store did not take the write.');
    expect(set.generation.counters()[1]).toMatchObject({ node: 'b', failed: 1, deadLettered: 0 });
    expect(set.steps.at(-1)).toMatchObject({ node: 'b', labels: ['Failure'], to: [] });
  });

  it('is tried again first, when it may be, and the message goes on when the store is back', async () => {
    let tries = 0;
    const retry = { a: { retry: { attempts: 3, backoffMs: 0 }, to: { Success: 'b', Failure: 'b' } }, b: {} };
    const acts: Acts = { a: (msg) => (++tries < 3 ? away() : { relation: 'Success', msg }) };
    const set = await loadSet({ main: retry }, acts);
    expect(await set.run()).toEqual({ outcome: 'processed' });
    expect(set.seen).toEqual(['a:m', 'a:m', 'a:m', 'b:m']);
  });

  it('a failure of the node itself behind one of the store follows its edge', async () => {
    let tries = 0;
    const main = { a: { retry: { attempts: 2, backoffMs: 0 }, to: { Failure: 'b' } }, b: {} };
    const acts: Acts = { a: (msg) => (++tries === 1 ? away() : { relation: 'Failure', msg }) };
    const set = await loadSet({ main }, acts);
    expect(await set.run()).toEqual({ outcome: 'processed' });
    expect(set.seen).toEqual(['a:m', 'a:m', 'b:m']);
  });

  it('leaves what waits behind flow/ack in another branch undone: the message comes again as a whole', async () => {
    const main = {
      a: { to: { Success: ['ack', 'b'] } },
      ack: { kind: 'flow/ack', to: { Success: 'c' } },
      b: {},
      c: {},
    };
    const set = await loadSet({ main }, { b: away });
    const result = await set.run({}, { splitAtAck: true });
    expect(result.rest).toBeUndefined();
    expect(set.seen).toEqual(['a:m', 'b:m.2']);
  });

  it('behind flow/ack follows its Failure edge: nobody sends the message again', async () => {
    const main = { ack: { kind: 'flow/ack', to: { Success: 'b' } }, b: { to: { Failure: 'c' } }, c: {} };
    const set = await loadSet({ main }, { b: away });
    expect(await set.run()).toEqual({ outcome: 'processed' });
    expect(set.seen).toEqual(['b:m', 'c:m']);
  });
});

describe('a message that was not finished in time', () => {
  const late = async (): Promise<RunResult> => {
    const set = await loadSet({ main: { a: {} } }, { a: () => new Promise(() => {}) });
    return set.run({}, { limits: { maxSteps: 0, deadlineMs: 20 } });
  };

  it('is refused when the store was away meanwhile', async () => {
    const began = performance.now();
    const result = await late();
    const asked: number[] = [];
    expect(outageOf(result, (since) => asked.push(since) > 0)).toMatch(/^DEADLINE_EXCEEDED/);
    expect(asked[0]).toBeGreaterThanOrEqual(began);
    expect(asked[0]).toBeLessThan(performance.now());
  });

  it('is a dead letter when the store was there all the time', async () => {
    expect(outageOf(await late(), never)).toBeUndefined();
  });

  it('is no matter of the store when a node failed for another reason', async () => {
    const set = await loadSet({ main: { a: {} } }, { a: (msg) => ({ relation: 'Failure', msg }) });
    expect(outageOf(await set.run(), () => true)).toBeUndefined();
  });
});
