import { describe, expect, it } from 'vitest';
import { Latencies, summaryOf, Tally } from '../../src/cli/simulate-stats.ts';

describe('Latencies', () => {
  it('gives quantiles within 5 %', () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 1000; ms++) latencies.add(ms);
    for (const [share, want] of [
      [0.5, 500],
      [0.99, 990],
      [1, 1000],
    ] as const)
      expect(Math.abs((latencies.quantile(share) ?? 0) / want - 1)).toBeLessThan(0.05);
  });

  it('has none without a value, and holds what is off its scale at its ends', () => {
    const latencies = new Latencies();
    expect(latencies.quantile(0.5)).toBeUndefined();
    latencies.add(0);
    expect(latencies.quantile(0.5)).toBe(0.0625);
    latencies.add(1e12);
    expect(latencies.quantile(1)).toBeGreaterThan(60_000);
  });
});

describe('Tally', () => {
  it('keeps a bounded number of reasons, and counts all refusals', () => {
    const tally = new Tally();
    for (let n = 0; n < 50; n++) tally.refuse(`reason ${n}`);
    tally.refuse('reason 0');
    const summary = summaryOf(tally, { meters: 1, bad: 0, sendingMs: 0 });
    expect(summary.refused).toBe(51);
    expect(Object.keys(summary.reasons)).toHaveLength(20);
    expect(summary.reasons['reason 0']).toBe(2);
    expect(summary.bad).toBeNull();
  });
});
