import type { MetricFamilies } from '../../observe/index.ts';

/** The metrics of several workers on the same ports. */
export interface SharedMetrics {
  /** Takes a worker's own metrics; gives what asks the primary for those of all workers together. */
  share(own: () => Promise<MetricFamilies>): () => Promise<string>;
}
