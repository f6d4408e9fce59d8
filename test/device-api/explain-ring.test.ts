import { describe, expect, it } from 'vitest';
import { ExplainRing } from '../../src/device-api/index.ts';
import { Secret } from '../../src/model/secret.ts';
import type { RunResult } from '../../src/rules/index.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const context = createTestContext();
const clock = { at: 1_000, now: () => clock.at, monotonic: () => clock.at };
const processed: RunResult = { outcome: 'processed' };
const failed: RunResult = { outcome: 'processed', path: [{ chain: 'main', node: 'a' }] };

function ring(options = { keep: 3, sampleEvery: 0 }) {
  const made = new ExplainRing(options, clock);
  return {
    made,
    run(id: string, result: RunResult, change = {}) {
      const msg = testMsg({ id, ...change }, context);
      const traced = made.begin(msg.originator.id);
      made.end(msg, result, { generation: 'g1', traced, context });
    },
    ids: () => made.list().map((one) => one.id),
  };
}

describe('ExplainRing', () => {
  it('keeps every failure, and no success that nobody asked for', () => {
    const { run, ids, made } = ring();
    run('a', processed);
    run('b', failed);
    run('c', { outcome: 'dead-lettered', letters: [{ chain: 'main', node: 'x', reason: 'why', msg: testMsg() }] });
    expect(ids()).toEqual(['c', 'b']);
    expect(made.find('b')).toMatchObject({ why: 'failed', path: [{ chain: 'main', node: 'a' }], generation: 'g1' });
    expect(made.find('c')?.letters).toEqual([{ chain: 'main', node: 'x', reason: 'why' }]);
  });

  it('finds a branch by the id of its message', () => {
    const { run, made } = ring();
    run('m-1', failed);
    expect(made.find('m-1.2.1')?.id).toBe('m-1');
    expect(made.find('m-12')).toBeUndefined();
  });

  it('traces one in so many', () => {
    const { run, ids } = ring({ keep: 10, sampleEvery: 3 });
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) run(id, processed);
    expect(ids()).toEqual(['f', 'c']);
  });

  it('traces a device that is watched, so often and so long', () => {
    const { run, ids, made } = ring({ keep: 10, sampleEvery: 0 });
    const { id } = context.originator('meter-1');
    made.watch(id, 1_000, 2);
    for (const one of ['a', 'b', 'c']) run(one, processed);
    expect(ids()).toEqual(['b', 'a']);
    made.watch(id, 1_000, 2);
    clock.at += 1_001;
    run('d', processed);
    expect(ids()).toEqual(['b', 'a']);
  });

  it('stays bounded, and failures are not pushed out by successes', () => {
    const { run, made, ids } = ring({ keep: 3, sampleEvery: 1 });
    run('failure', failed);
    for (let index = 0; index < 1_000; index++) run(`m${index}`, processed);
    expect(made.list().length).toBeLessThan(12);
    expect(ids()).toContain('failure');
    for (let index = 0; index < 200; index++) expect(made.watch(`device-${index}`, 1_000, 1)).toBe(index < 100);
  });

  it('holds no secret and no whole body that is long', () => {
    const { run, made } = ring();
    run('a', failed, { data: { key: new Secret('hush'), CUPS: 'ES1234123456789012JY', text: 'x'.repeat(10_000) } });
    const found = made.find('a');
    expect(found?.truncated).toBe(true);
    expect(JSON.stringify(found).length).toBeLessThan(6_000);
    expect(JSON.stringify(found)).not.toMatch(/hush|ES1234123456789012JY/);
  });
});
