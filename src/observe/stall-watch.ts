import type { Clock } from '../model/clock.ts';
import type { Log } from './log.ts';

/** How often it looks, and what counts as standing still, ms. */
const EVERY_MS = 100;
const STALL_MS = 500;
/** One line for all that came within so long, ms. */
const QUIET_MS = 10_000;

/**
 * Says in the log when this process has stood still: paused, short of processor time, or held up by work of its own. Nobody was
 * heard and nothing was acknowledged meanwhile.
 */
export function watchStalls(log: Log, clock: Pick<Clock, 'monotonic'>): { stop(): void } {
  let due = clock.monotonic() + EVERY_MS;
  let quietUntil = Number.NEGATIVE_INFINITY;
  let stalls = 0;
  let longestMs = 0;
  const timer = setInterval(() => {
    const now = clock.monotonic();
    const stalledMs = Math.round(now - due);
    due = now + EVERY_MS;
    if (stalledMs >= STALL_MS) {
      stalls++;
      longestMs = Math.max(longestMs, stalledMs);
    }
    if (stalls === 0 || now < quietUntil) return;
    const { heapUsed } = process.memoryUsage();
    log.warn({ event: 'process.stalled', stalls, longestMs, heapMiB: Math.round(heapUsed / 2 ** 20) }, 'stood still');
    quietUntil = now + QUIET_MS;
    stalls = 0;
    longestMs = 0;
  }, EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
