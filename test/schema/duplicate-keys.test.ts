import { describe, expect, it } from 'vitest';
import { duplicateKeys, duplicateProblem, placeIn } from '../../src/schema/duplicate-keys.ts';

describe('duplicateKeys', () => {
  it('names each key that stands again, by pointer, line and column', () => {
    const found = [...duplicateKeys('{"a/b": 1,\n "a/b": [{"k": 1, "k": 2}]}')];
    expect(found).toEqual([
      { at: '/a~1b', key: 'a/b', line: 2, column: 2 },
      { at: '/a~1b/0/k', key: 'k', line: 2, column: 19 },
    ]);
    expect(found.map(duplicateProblem)[0]).toBe('the key stands twice in its object, again at line 2, column 2');
  });

  it('finds none where each object has its own', () => {
    expect([...duplicateKeys('{"a": {"k": 1}, "b": [{"k": 1}, {"k": "{\\"k\\": 1}"}]}')]).toEqual([]);
  });
});

it('lines and columns count from 1', () => {
  expect(placeIn('ab\ncd', 0)).toEqual({ line: 1, column: 1 });
  expect(placeIn('ab\ncd', 4)).toEqual({ line: 2, column: 2 });
});
