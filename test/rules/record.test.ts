import { describe, expect, it } from 'vitest';
import { copyRecord, mergeRecords, setOwn, withoutKeys } from '../../src/rules/record.ts';

const tricky = JSON.parse('{"a":1,"__proto__":2,"constructor":3}') as Record<string, number>;

describe('records', () => {
  it('merges records, the later one before the former, __proto__ too', () => {
    const merged = mergeRecords([tricky, JSON.parse('{"__proto__":7,"a":9}') as Record<string, number>]);
    expect(Object.entries(merged)).toEqual([
      ['a', 9],
      ['__proto__', 7],
      ['constructor', 3],
    ]);
  });

  it('sets and copies a key named __proto__ as data', () => {
    const copy = copyRecord(tricky);
    setOwn(copy, '__proto__', 5);
    expect(Object.entries(copy)).toEqual([
      ['a', 1],
      ['__proto__', 5],
      ['constructor', 3],
    ]);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(Object.entries(tricky)[1]).toEqual(['__proto__', 2]);
  });

  it('takes keys out of a copy, and gives the same object when none is to go', () => {
    expect(Object.keys(withoutKeys(tricky, (key) => key === 'a'))).toEqual(['__proto__', 'constructor']);
    expect(withoutKeys(tricky, () => false)).toBe(tricky);
  });
});
