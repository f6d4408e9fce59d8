import perfHooks from 'node:perf_hooks';
import { describe, expect, it, vi } from 'vitest';
import { createMetrics } from '../../src/observe/metrics.ts';

const quiet = { processMetrics: false };

describe('metrics', () => {
  it('gives counters, gauges and histograms as Prometheus text', async () => {
    const metrics = createMetrics(quiet);
    const counter = metrics.counter({ name: 'gridmoor_messages_total', help: 'Messages.', labels: ['outcome'] });
    counter.inc({ outcome: 'processed' });
    counter.inc({ outcome: 'processed' }, 2);
    metrics.gauge({ name: 'gridmoor_connections', help: 'Open.' }).set(5);
    const histogram = metrics.histogram({ name: 'gridmoor_commit_seconds', help: 'Commits.', buckets: [0.1, 1] });
    histogram.observe(0.5);
    const text = await metrics.collectText();
    expect(text).toContain('gridmoor_messages_total{outcome="processed"} 3');
    expect(text).toContain('gridmoor_connections 5');
    expect(text).toContain('gridmoor_commit_seconds_bucket{le="1"} 1');
  });

  it('looks at the lag of the event loop twenty times a second: each look wakes a broker that has nothing to do', async () => {
    const monitor = vi.spyOn(perfHooks, 'monitorEventLoopDelay');
    const metrics = createMetrics();
    expect(monitor.mock.calls).toEqual([[{ resolution: 50 }]]);
    expect(await metrics.collectText()).toContain('nodejs_eventloop_lag_p99_seconds');
    monitor.mockRestore();
  });

  it('gives the same metric for the same name and refuses another kind', async () => {
    const metrics = createMetrics(quiet);
    metrics.counter({ name: 'gridmoor_a_total', help: 'A.' }).inc();
    metrics.counter({ name: 'gridmoor_a_total', help: 'A.' }).inc();
    expect(await metrics.collectText()).toContain('gridmoor_a_total 2');
    expect(() => metrics.gauge({ name: 'gridmoor_a_total', help: 'A.' })).toThrow(/is a counter/);
  });

  it('reads pulled values at each scrape and does not add them up', async () => {
    const metrics = createMetrics(quiet);
    let total = 7;
    metrics.pull('counter', { name: 'gridmoor_in_total', help: 'In.' }, () => total);
    metrics.pull('gauge', { name: 'gridmoor_queue', help: 'Q.', labels: ['kind'] }, async () => [
      { value: total, labels: { kind: 'write' } },
    ]);
    expect(await metrics.collectText()).toContain('gridmoor_in_total 7');
    total = 9;
    const text = await metrics.collectText();
    expect(text).toContain('gridmoor_in_total 9');
    expect(text).toContain('gridmoor_queue{kind="write"} 9');
    expect(text).toContain('# TYPE gridmoor_in_total counter');
  });

  it('keeps answering when one pulled value fails, and says which', async () => {
    const problems: string[] = [];
    const metrics = createMetrics({ ...quiet, onProblem: (name) => problems.push(name) });
    metrics.gauge({ name: 'gridmoor_ok', help: 'OK.' }).set(1);
    metrics.pull('gauge', { name: 'gridmoor_bad', help: 'Bad.' }, () => {
      throw new Error('store away');
    });
    expect(await metrics.collectText()).toContain('gridmoor_ok 1');
    expect(problems).toEqual(['gridmoor_bad']);
  });

  it('carries the process metrics and keeps two instances apart', async () => {
    const first = createMetrics();
    const second = createMetrics();
    first.counter({ name: 'gridmoor_x_total', help: 'X.' }).inc();
    expect(await second.collectText()).not.toContain('gridmoor_x_total');
    expect(await second.collectText()).toContain('process_resident_memory_bytes');
  });
});
