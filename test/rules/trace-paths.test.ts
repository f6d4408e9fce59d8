import { describe, expect, it } from 'vitest';
import type { TraceStep } from '../../src/rules/run.ts';
import { tracePaths } from '../../src/rules/trace-paths.ts';

const step = (node: string, msgId: string, to: Record<string, string> | [string, string][]): TraceStep => ({
  chain: 'c',
  node,
  kind: 'k',
  msgId,
  labels: ['x'],
  to: (Array.isArray(to) ? to : Object.entries(to)).map(([label, target]) => ({ label, node: target })),
  ms: 0,
});

describe('tracePaths', () => {
  it('joins nodes and the labels that were followed', () => {
    expect(tracePaths([step('a', 'm', { True: 'b' }), step('b', 'm', {})])).toEqual([['a', 'True', 'b']]);
  });

  it('gives one path per branch, also when branches fan out again', () => {
    const steps = [
      step('a', 'm', { x: 'b', y: 'c' }),
      step('b', 'm.1', { z: 'd' }),
      step('d', 'm.1', {}),
      step('c', 'm.2', [
        ['u', 'd'],
        ['u', 'e'],
      ]),
      step('d', 'm.2.1', {}),
      step('e', 'm.2.2', {}),
    ];
    expect(tracePaths(steps).map((path) => path.join(' '))).toEqual(['a x b z d', 'a y c u d', 'a y c u e']);
  });
});
