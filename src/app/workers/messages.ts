import type { MetricFamilies } from '../../observe/index.ts';
import type { Ports } from '../start.ts';

/** In the environment of a worker: which one it is, from 1. */
export const NUMBER_VARIABLE = 'WORKER_NUMBER';

/** What a worker tells the primary. */
export type FromWorker =
  | { readonly type: 'worker-ready'; readonly ports: Ports }
  /** The metrics that the primary has asked for. */
  | { readonly type: 'worker-metrics'; readonly families: MetricFamilies }
  /** Somebody asks this worker for the metrics of all; `worker-totals` answers. */
  | { readonly type: 'worker-wants-totals' };

/** What the primary tells a worker. Its end it is told by SIGTERM. */
export type FromPrimary =
  | { readonly type: 'worker-report' }
  | { readonly type: 'worker-totals'; readonly text: string };
