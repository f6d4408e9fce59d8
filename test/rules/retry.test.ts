import { describe, expect, it } from 'vitest';
import { NodeFailure } from '../../src/rules/node-kind.ts';
import { type Acts, compileActs } from '../helpers/chain-kit.ts';
import { by, loadSet } from '../helpers/chain-set.ts';

/** Fails so many times, then goes on. */
function flaky(times: number): Acts[string] {
  let left = times;
  return (msg) => {
    if (left-- > 0) throw new NodeFailure('the store is away');
    return { relation: 'Success', msg };
  };
}

function pauses() {
  const ms: number[] = [];
  return {
    ms,
    wait: async (pause: number) => {
      ms.push(pause);
    },
  };
}

const retry = (attempts: number, backoffMs?: number) => ({
  a: { retry: { attempts, ...(backoffMs === undefined ? {} : { backoffMs }) }, to: { Success: 'b' } },
  b: {},
});

describe('retry', () => {
  it('case 33: tries a node again that fails, with growing pauses, counts it and says so in the trace', async () => {
    const set = await loadSet({ main: retry(3, 200) }, { a: flaky(2) });
    const { ms, wait } = pauses();
    expect(await set.run({}, { wait })).toEqual({ outcome: 'processed' });
    expect([set.seen, ms]).toEqual([
      ['a:m', 'a:m', 'a:m', 'b:m'],
      [200, 400],
    ]);
    expect(set.steps[0]).toMatchObject({ node: 'a', attempts: 3, labels: ['Success'] });
    expect(set.generation.counters()[0]).toMatchObject({ in: 1, failed: 0, retried: 2 });
  });

  it('leaves by Failure after the last try, failed once', async () => {
    const set = await loadSet({ main: retry(2) }, { a: flaky(9) });
    const { ms, wait } = pauses();
    expect(await set.run({}, { wait })).toMatchObject({ letters: [{ node: 'a', reason: 'the store is away' }] });
    expect([set.seen, ms]).toEqual([['a:m', 'a:m'], [100]]);
    expect(set.steps).toMatchObject([{ node: 'a', attempts: 2, error: 'the store is away' }]);
    expect(set.generation.counters()[0]).toMatchObject({ in: 1, failed: 1, retried: 1, deadLettered: 1 });
  });

  it('also what a node itself sends to Failure, and what fails later, with the message as it came', async () => {
    const got: unknown[] = [];
    const set = await loadSet(
      { main: retry(3, 0) },
      {
        a: async (msg) => {
          got.push(msg.data);
          return { relation: got.length < 3 ? 'Failure' : 'Success', msg: { ...msg, data: { spoiled: true } } };
        },
      },
    );
    expect(await set.run({ data: { n: 1 } }, pauses())).toEqual({ outcome: 'processed' });
    expect(got).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
  });

  it('stops when the next pause would pass the deadline', async () => {
    const set = await loadSet({ main: retry(5, 60_000) }, { a: flaky(9) });
    const { ms, wait } = pauses();
    const result = await set.run({}, { wait, limits: { maxSteps: 0, deadlineMs: 1_000 } });
    expect([result.outcome, ms]).toEqual(['dead-lettered', []]);
  });

  it('takes from the step budget', async () => {
    const set = await loadSet({ main: retry(10, 0) }, { a: flaky(9) });
    const result = await set.run({}, { ...pauses(), limits: { maxSteps: 4, deadlineMs: 0 } });
    expect(result).toMatchObject({ letters: [{ node: 'a', reason: expect.stringContaining('STEP_LIMIT') }] });
    expect(set.seen).toHaveLength(4);
  });

  it('really waits when nobody brings another clock', async () => {
    const set = await loadSet({ main: retry(2, 30) }, { a: flaky(1) });
    const began = performance.now();
    await set.run();
    expect(performance.now() - began).toBeGreaterThanOrEqual(29);
  });

  it.each([
    { attempts: 1 },
    { attempts: 11 },
    { attempts: '3' },
    { attempts: 3, backoffMs: -1 },
    { times: 3 },
    {},
    3,
    null,
  ])('refuses %j as an option', (option) => {
    expect(() => compileActs({ a: { retry: option as object } })).toThrow(/retry/);
  });
});

describe('maxVisits', () => {
  it('lets a message go round so often, then by Failure', async () => {
    const chains = {
      main: { a: { maxVisits: 3, to: { More: 'b', Failure: 'end' } }, b: { to: { Success: 'a' } }, end: {} },
    };
    const errors: unknown[] = [];
    const set = await loadSet(chains, { a: by('More'), end: (msg) => void errors.push(msg.metadata.error) });
    expect(await set.run()).toEqual({ outcome: 'processed' });
    expect(set.seen.filter((one) => one === 'a:m')).toHaveLength(3);
    expect(errors).toEqual(['visited 3 times already']);
  });

  it('without it the same chain is refused', () => {
    expect(() => compileActs({ a: { to: { More: 'b' } }, b: { to: { Success: 'a' } } })).toThrow(/go round/);
  });

  it('counts for each branch of a fan-out alone', async () => {
    const set = await loadSet({
      main: { s: { to: { Success: ['a', 'a2'] } }, a2: { to: { Success: 'a' } }, a: { maxVisits: 1 } },
    });
    expect(await set.run()).toEqual({ outcome: 'processed' });
  });
});
