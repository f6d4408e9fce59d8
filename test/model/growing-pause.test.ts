import { describe, expect, it } from 'vitest';
import { GrowingPause } from '../../src/model/growing-pause.ts';

const options = { free: 3, baseMs: 100, maxMs: 1000, decayMs: 10_000, maxKeys: 100 };

function pauseAfter(failures: number, limiter = new GrowingPause(options)): number {
  for (let count = 0; count < failures; count++) limiter.fail('a', 0);
  const verdict = limiter.check('a', 0);
  return verdict.allowed ? 0 : verdict.retryAfterMs;
}

describe('GrowingPause', () => {
  it('a key that never failed is allowed', () => {
    expect(new GrowingPause(options).check('a', 0)).toEqual({ allowed: true });
  });

  it('the free failures cost nothing, each further one doubles the pause up to the longest', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 5000].map((count) => pauseAfter(count))).toEqual([
      0, 0, 0, 100, 200, 400, 800, 1000, 1000, 1000,
    ]);
  });

  it('the pause runs down and ends', () => {
    const limiter = new GrowingPause(options);
    pauseAfter(5, limiter);
    expect(limiter.check('a', 150)).toEqual({ allowed: false, retryAfterMs: 50 });
    expect(limiter.check('a', 199.5)).toEqual({ allowed: false, retryAfterMs: 1 });
    expect(limiter.check('a', 200)).toEqual({ allowed: true });
  });

  it('a failure after the pause doubles it again', () => {
    const limiter = new GrowingPause(options);
    pauseAfter(4, limiter);
    limiter.fail('a', 100);
    expect(limiter.check('a', 100)).toEqual({ allowed: false, retryAfterMs: 200 });
  });

  it('keys do not pay for each other, and success clears one key', () => {
    const limiter = new GrowingPause(options);
    pauseAfter(9, limiter);
    expect(limiter.check('b', 0)).toEqual({ allowed: true });
    limiter.succeed('b');
    expect(limiter.check('a', 0)).toMatchObject({ allowed: false });
    limiter.succeed('a');
    expect(limiter.check('a', 0)).toEqual({ allowed: true });
    expect(limiter.size).toBe(0);
  });

  it('quiet time forgives failures one by one, counted from the end of the pause', () => {
    const limiter = new GrowingPause(options);
    pauseAfter(5, limiter);
    limiter.fail('a', 200 + 20_000);
    expect(limiter.check('a', 20_200)).toMatchObject({ retryAfterMs: 100 });
  });

  it('a key is forgotten when all its failures are forgiven', () => {
    const limiter = new GrowingPause(options);
    pauseAfter(5000, limiter);
    expect(limiter.check('a', 1000 + 79_999)).toEqual({ allowed: true });
    expect(limiter.size).toBe(1);
    expect(limiter.check('a', 1000 + 80_000)).toEqual({ allowed: true });
    expect(limiter.size).toBe(0);
  });

  it('keeps a bounded number of keys and forgets the one that failed longest ago', () => {
    const limiter = new GrowingPause({ ...options, free: 0, maxKeys: 3 });
    for (const key of ['a', 'b', 'c', 'a', 'd']) limiter.fail(key, 0);
    expect(limiter.size).toBe(3);
    expect(['a', 'b', 'c', 'd'].map((key) => limiter.check(key, 0).allowed)).toEqual([false, true, false, false]);
  });

  it('a clock that steps back makes no endless pause', () => {
    const limiter = new GrowingPause(options);
    for (let count = 0; count < 4; count++) limiter.fail('a', 1e9);
    expect(limiter.check('a', 0)).toEqual({ allowed: false, retryAfterMs: 100 });
    expect(limiter.check('a', 99)).toEqual({ allowed: false, retryAfterMs: 1 });
    expect(limiter.check('a', 100)).toEqual({ allowed: true });
  });
});
