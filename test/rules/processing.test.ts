import { describe, expect, it } from 'vitest';
import { compileProcessing } from '../../src/rules/processing.ts';

/** Notes what is to be forgotten; `fail` does so. */
function commit() {
  const forget: (() => void)[] = [];
  return {
    onNotStored: (one: () => void) => void forget.unshift(one),
    fail() {
      for (const one of forget) one();
    },
  };
}

describe('compileProcessing', () => {
  const settings = { type: 'DEDUPLICATE', deduplicationIntervalSecs: 60 } as const;
  const stored = { onNotStored() {} };

  it('takes the first message of an originator in each bucket of time', () => {
    const plan = compileProcessing(settings, ['timeseries']);
    const takes = (id: string, ts: number) => plan(id, ts, stored).timeseries;
    expect([takes('a', 0), takes('a', 59_999), takes('b', 1), takes('a', 60_000)]).toEqual([true, false, true, true]);
  });

  it('takes the message that comes again because it was not stored', () => {
    const plan = compileProcessing(settings, ['timeseries']);
    const first = commit();
    expect(plan('a', 1_000, first).timeseries).toBe(true);
    expect(plan('a', 2_000, stored).timeseries).toBe(false);
    first.fail();
    expect(plan('a', 1_000, stored).timeseries).toBe(true);
    const next = commit();
    expect(plan('a', 61_000, next).timeseries).toBe(true);
    next.fail();
    expect(plan('a', 2_000, stored).timeseries).toBe(false);
    expect(plan('a', 61_000, stored).timeseries).toBe(true);
  });
});
