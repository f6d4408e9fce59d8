import { availableParallelism, loadavg } from 'node:os';

/** A bound of a calm machine, as much longer as processes wait here for a core: what else the machine does is not the broker's. */
export function withLoad(ms: number): number {
  return ms * (1 + (loadavg()[0] ?? 0) / availableParallelism());
}
