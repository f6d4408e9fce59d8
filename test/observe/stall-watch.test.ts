import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/model/clock.ts';
import { createLog } from '../../src/observe/index.ts';
import { watchStalls } from '../../src/observe/stall-watch.ts';

function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('stall watch', () => {
  it('a process that stood still says so, once for all that came soon after', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } });
    const watch = watchStalls(log, systemClock);
    try {
      standStill(800);
      await vi.waitFor(() => expect(lines).toHaveLength(1));
      const { longestMs, heapMiB } = JSON.parse(lines[0] ?? '') as { longestMs: number; heapMiB: number };
      expect(lines[0]).toContain('"event":"process.stalled"');
      expect(longestMs).toBeGreaterThan(650);
      expect(heapMiB).toBeGreaterThan(0);
      standStill(800);
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(lines).toHaveLength(1);
    } finally {
      watch.stop();
    }
  });

  it('one that goes on says nothing', () => {
    vi.useFakeTimers();
    try {
      const lines: string[] = [];
      const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } });
      let now = 0;
      const watch = watchStalls(log, { monotonic: () => now });
      for (let tick = 0; tick < 100; tick++) {
        now += 100 + (tick % 3) * 100;
        vi.advanceTimersByTime(100);
      }
      expect(lines).toEqual([]);
      now += 1_000;
      vi.advanceTimersByTime(100);
      expect(lines).toHaveLength(1);
      watch.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});
