import { describe, expect, it } from 'vitest';
import { CommitGate, CommitGates } from '../../src/device-api/commit-gate.ts';
import { withResolvers } from '../helpers/promises.ts';

describe('commit gate', () => {
  it('releases a message without writes at once when nothing waits', () => {
    const gate = new CommitGate();
    let released = false;
    gate.pass(undefined, () => {
      released = true;
    });
    expect(released).toBe(true);
  });

  it('releases nothing before its commit, and keeps the order over groups that commit out of order', async () => {
    const gate = new CommitGate();
    const order: string[] = [];
    const first = withResolvers();
    const second = withResolvers();
    gate.pass(first.promise, () => order.push('a'));
    gate.pass(first.promise, () => order.push('b'));
    gate.pass(undefined, () => order.push('c'));
    gate.pass(second.promise, () => order.push('d'));
    second.resolve();
    await second.promise;
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    first.resolve();
    await gate.drained();
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('a failed commit fails its own messages and none behind them', async () => {
    const gate = new CommitGate();
    const seen: string[] = [];
    const broken = new Error('disk full');
    gate.pass(Promise.reject(broken), (error) => seen.push(error === broken ? 'failed' : 'ok'));
    gate.pass(Promise.resolve(), (error) => seen.push(error ? 'failed' : 'ok'));
    await gate.drained();
    expect(seen).toEqual(['failed', 'ok']);
  });

  it('after everything is released a message without writes passes at once again', async () => {
    const gate = new CommitGate();
    gate.pass(Promise.resolve(), () => {});
    await gate.drained();
    let released = false;
    gate.pass(undefined, () => {
      released = true;
    });
    expect(released).toBe(true);
  });
});

describe('commit gates', () => {
  it('a lane that is stuck holds up its own originators, and no others', async () => {
    const gates = new CommitGates({ count: 2, of: (id) => (id.startsWith('stuck') ? 1 : 0) });
    const stuck = withResolvers();
    const order: string[] = [];
    gates.of('stuck-1').pass(stuck.promise, () => order.push('stuck-1'));
    gates.of('stuck-2').pass(Promise.resolve(), () => order.push('stuck-2'));
    gates.of('fine').pass(Promise.resolve(), () => order.push('fine'));
    await gates.of('fine').drained();
    expect(order).toEqual(['fine']);
    stuck.resolve();
    await gates.drained();
    expect(order).toEqual(['fine', 'stuck-1', 'stuck-2']);
  });
});
