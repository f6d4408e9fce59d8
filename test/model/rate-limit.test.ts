import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRateLimit, parseRateLimit, type RateLimit, TokenBuckets } from '../../src/model/rate-limit.ts';

function limitOf(text: string): RateLimit {
  const result = parseRateLimit(text);
  if (!result.ok) throw new Error(result.error.problem);
  return result.value;
}

describe('parseRateLimit', () => {
  it('reads ThingsBoard text and writes it back', () => {
    expect(limitOf('100:1,2000:60')).toEqual([
      { capacity: 100, periodMs: 1000 },
      { capacity: 2000, periodMs: 60_000 },
    ]);
    expect(limitOf(' 10 : 1 , 20:60 ')).toHaveLength(2);
    expect(formatRateLimit(limitOf('100:1,2000:60'))).toBe('100:1,2000:60');
  });

  it.each([[''], ['  '], [null], [undefined]])('%j is no limit', (text) => {
    expect(parseRateLimit(text)).toEqual({ ok: true, value: [] });
  });

  it.each([
    ['100', 'expected capacity:seconds', 0],
    ['100:1,', 'expected capacity:seconds', 6],
    ['100:1;2000:60', 'expected capacity:seconds', 0],
    ['-1:1', 'expected capacity:seconds', 0],
    ['1.5:1', 'expected capacity:seconds', 0],
    ['1e3:1', 'expected capacity:seconds', 0],
    ['1:1,٥:1', 'expected capacity:seconds', 4],
    ['0:1', 'capacity of 0', 0],
    ['1:0', 'duration of 0', 0],
    ['100:1,200:01', 'two limits for 01 seconds', 6],
    ['999999999999999:999', 'too large', 0],
    [Array.from({ length: 17 }, (_, at) => `1:${at + 1}`).join(','), 'more than 16', 71],
  ])('%j is refused: %s', (text, problem, at) => {
    expect(parseRateLimit(text)).toEqual({ ok: false, error: { problem: expect.stringContaining(problem), at } });
  });
});

describe('TokenBuckets', () => {
  it('starts full and refuses beyond its capacity', () => {
    const buckets = new TokenBuckets(limitOf('3:1'));
    expect([1, 2, 3, 4].map(() => buckets.tryTake(1, 0))).toEqual([true, true, true, false]);
  });

  it('fills evenly: at 100 a second one token comes every 10 ms', () => {
    const buckets = new TokenBuckets(limitOf('100:1'));
    expect(buckets.tryTake(100, 0)).toBe(true);
    for (let now = 10; now <= 10_000; now += 10) {
      expect(buckets.tryTake(1, now - 1)).toBe(false);
      expect(buckets.tryTake(1, now)).toBe(true);
    }
  });

  it('never holds more than its capacity', () => {
    const buckets = new TokenBuckets(limitOf('2:1'));
    expect(buckets.tryTake(1, 0)).toBe(true);
    expect(buckets.tryTake(3, 1e15)).toBe(false);
    expect(buckets.tryTake(2, 1e15)).toBe(true);
    expect(buckets.tryTake(1, 1e15)).toBe(false);
  });

  it('takes from all buckets or from none', () => {
    const buckets = new TokenBuckets(limitOf('2:1,3:60'));
    expect(buckets.tryTake(2, 0)).toBe(true);
    expect(buckets.tryTake(2, 1000)).toBe(false);
    expect(buckets.tryTake(1, 1000)).toBe(true);
    expect(buckets.tryTake(1, 1000)).toBe(false);
    // The quick bucket is full again and the refused takes cost the slow one nothing.
    expect(buckets.tryTake(1, 20_000)).toBe(true);
  });

  it('no limit grants everything', () => {
    expect(new TokenBuckets([]).tryTake(1e9, 0)).toBe(true);
  });

  it('a clock that steps back neither blocks nor fills', () => {
    const buckets = new TokenBuckets(limitOf('1:1'));
    expect(buckets.tryTake(1, 1_000_000)).toBe(true);
    expect(buckets.tryTake(1, 0)).toBe(false);
    expect(buckets.tryTake(1, 1000)).toBe(true);
  });

  it('never grants more than capacity plus what has flowed in', () => {
    const steps = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 4 })), { maxLength: 200 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 3 }),
        steps,
        (capacity, seconds, takes) => {
          const buckets = new TokenBuckets(limitOf(`${capacity}:${seconds}`));
          let now = 5;
          let granted = 0;
          for (const [pauseMs, n] of takes) {
            now += pauseMs;
            const room = capacity * seconds * 1000 + (now - 5) * capacity - (granted + n) * seconds * 1000;
            const took = buckets.tryTake(n, now);
            if (took) granted += n;
            if (took) expect(room).toBeGreaterThanOrEqual(0);
          }
        },
      ),
    );
  });
});
