import { describe, expect, it } from 'vitest';
import { copyRecord, setOwn, withoutKeys } from '../../src/rules/record.ts';

const tricky = JSON.parse('{"a":1,"__proto__":2,"constructor":3}') as Record<string, number>;

describe('records', () => {
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
