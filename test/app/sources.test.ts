import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sources } from '../../src/app/sources.ts';
import type { Generation } from '../../src/rules/index.ts';
import { loadSet } from '../helpers/chain-set.ts';

const source = (periodInSeconds: number, msgCount = 0) => ({
  kind: 'debug/generator',
  config: { periodInSeconds, msgCount, jsScript: 'return { msg: {} };' },
});
const generationOf = async (config: object): Promise<Generation> =>
  (await loadSet({ main: { first: { kind: 'action/log' }, ...config } as never })).generation;

describe('sources', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function setup(first: Generation) {
    const seen: string[] = [];
    const state = { generation: first, leads: true, ends: true };
    const waiting: (() => void)[] = [];
    const sources = new Sources({
      generation: () => state.generation,
      leads: () => state.leads,
      runAt({ chain, node }, { type }, done = () => {}) {
        seen.push(`${chain}/${node} ${type}`);
        if (state.ends) done();
        else waiting.push(done);
      },
    });
    return { seen, state, sources, waiting };
  }

  it('make their messages every so often, as many as they are told', async () => {
    const { seen, sources } = setup(await generationOf({ a: source(1, 2), b: source(3) }));
    sources.refresh();
    vi.advanceTimersByTime(3_000);
    expect(seen).toEqual([
      'main/a GENERATOR_NODE_SELF_MSG',
      'main/a GENERATOR_NODE_SELF_MSG',
      'main/b GENERATOR_NODE_SELF_MSG',
    ]);
    sources.stop();
    vi.advanceTimersByTime(60_000);
    expect([seen.length, vi.getTimerCount()]).toEqual([3, 0]);
  });

  it('go on over new files with the same times, begin anew with others, and end when they are gone', async () => {
    const { seen, state, sources } = setup(await generationOf({ a: source(1, 2) }));
    sources.refresh();
    vi.advanceTimersByTime(1_500);
    state.generation = await generationOf({ a: source(1, 2), other: { kind: 'action/log' } });
    sources.refresh();
    vi.advanceTimersByTime(10_000);
    expect(seen).toHaveLength(2);
    state.generation = await generationOf({ a: source(1, 3) });
    sources.refresh();
    vi.advanceTimersByTime(1_000);
    expect(seen).toHaveLength(3);
    state.generation = await generationOf({});
    sources.refresh();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('make none in an instance that does not lead, until it does', async () => {
    const { seen, state, sources } = setup(await generationOf({ a: source(1, 1) }));
    state.leads = false;
    sources.refresh();
    vi.advanceTimersByTime(5_000);
    expect(seen).toEqual([]);
    state.leads = true;
    vi.advanceTimersByTime(5_000);
    expect(seen).toHaveLength(1);
  });

  it('wait for the outcome of the message before', async () => {
    const { seen, state, sources, waiting } = setup(await generationOf({ a: source(1) }));
    state.ends = false;
    sources.refresh();
    vi.advanceTimersByTime(10_000);
    expect(seen).toHaveLength(1);
    waiting[0]?.();
    vi.advanceTimersByTime(1_000);
    expect(seen).toHaveLength(2);
    sources.stop();
    waiting[1]?.();
    expect(vi.getTimerCount()).toBe(0);
  });
});
