import { expect, it } from 'vitest';
import { createCounterBook, edgeCounter } from '../../src/rules/counters.ts';

it('a counter book has one set of counters per chain and node', () => {
  const book = createCounterBook();
  const counters = book.node('a', 'n');
  counters.in++;
  edgeCounter(counters, 'True').count++;
  edgeCounter(counters, 'True').count++;
  expect(book.node('a', 'n')).toBe(counters);
  expect(book.node('b', 'n').in).toBe(0);
  expect([...counters.edges]).toEqual([['True', { count: 2 }]]);
});
