import { describe, expect, it } from 'vitest';
import { Totals } from '../../../src/app/workers/totals.ts';
import { createMetrics, type MetricFamilies } from '../../../src/observe/index.ts';

async function report(messages: number, connections: number, ready = 1): Promise<MetricFamilies> {
  const metrics = createMetrics({ processMetrics: false });
  metrics
    .counter({ name: 'gridmoor_messages_total', help: 'M.', labels: ['outcome'] })
    .inc({ outcome: 'ok' }, messages);
  metrics.gauge({ name: 'gridmoor_connections', help: 'C.' }).set(connections);
  metrics.gauge({ name: 'gridmoor_ready', help: 'R.', together: 'min' }).set(ready);
  metrics.gauge({ name: 'gridmoor_waiting', help: 'W.', together: 'max' }).set(5);
  // As it comes from another process.
  return JSON.parse(JSON.stringify(await metrics.collectFamilies())) as MetricFamilies;
}

function totalsOf(reports: Readonly<Record<number, () => MetricFamilies | undefined>>): Totals {
  const totals: Totals = new Totals(() => {
    const numbers = Object.keys(reports).map(Number);
    queueMicrotask(() => {
      for (const number of numbers) {
        const families = reports[number]?.();
        if (families) totals.reported(number, families);
      }
    });
    return numbers;
  });
  return totals;
}

describe('metrics of all workers', () => {
  it('counters and gauges are sums; what all must have is the least, what they share the most', async () => {
    const [one, two] = [await report(3, 10), await report(4, 20, 0)];
    const text = await totalsOf({ 1: () => one, 2: () => two }).collect();
    expect(text).toContain('gridmoor_messages_total{outcome="ok"} 7');
    expect(text).toContain('gridmoor_connections 30');
    expect(text).toContain('gridmoor_ready 0');
    expect(text).toContain('gridmoor_waiting 5');
  });

  it('what a worker had counted stays in when it ends, and what it had open goes', async () => {
    const [one, two] = [await report(3, 10), await report(4, 20)];
    const reports: Record<number, () => MetricFamilies | undefined> = { 1: () => one, 2: () => two };
    const totals = totalsOf(reports);
    await totals.collect();
    for (const _ of [1, 2]) {
      delete reports[2];
      totals.ended(2);
      const after = await totals.collect();
      expect(after).toContain('gridmoor_messages_total{outcome="ok"} 7');
      expect(after).toContain('gridmoor_connections 10');
    }
    const anew = await report(1, 1);
    reports[2] = () => anew;
    expect(await totals.collect()).toContain('gridmoor_messages_total{outcome="ok"} 8');
  });

  it('a worker that does not answer counts as it was last seen, and one that ends meanwhile is not waited for', async () => {
    const [one, two] = [await report(3, 10), await report(4, 20)];
    let answers = true;
    const totals = totalsOf({ 1: () => one, 2: () => (answers ? two : undefined) });
    await totals.collect();
    answers = false;
    expect(await totals.collect()).toContain('gridmoor_connections 30');
    const collected = totals.collect();
    totals.ended(2);
    expect(await collected).toContain('gridmoor_messages_total{outcome="ok"} 7');
  });

  it('without any worker there is nothing to tell', async () => {
    expect((await totalsOf({}).collect()).trim()).toBe('');
  });
});
