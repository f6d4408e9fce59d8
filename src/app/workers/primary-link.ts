import cluster from 'node:cluster';
import type { Ports } from '../start.ts';
import type { FromPrimary, FromWorker } from './messages.ts';
import type { SharedMetrics } from './shared-metrics.ts';

/** What one of several workers on the same ports does with its primary. */
export interface PrimaryLink {
  /** Of this worker, from 1. */
  readonly number: number;
  ready(ports: Ports): void;
  readonly metrics: SharedMetrics;
}

export function linkToPrimary(number: number): PrimaryLink {
  const tell = (message: FromWorker): void => {
    // The end of the primary ends this process: there is nobody left to hear of it.
    if (process.connected) cluster.worker?.send(message, () => {});
  };
  return {
    number,
    ready: (ports) => tell({ type: 'worker-ready', ports }),
    metrics: {
      share(own) {
        let asked: { readonly answer: Promise<string>; readonly settle: (text: string) => void } | undefined;
        process.on('message', (message: FromPrimary) => {
          if (message.type === 'worker-report')
            void own().then((families) => tell({ type: 'worker-metrics', families }));
          if (message.type !== 'worker-totals') return;
          asked?.settle(message.text);
          asked = undefined;
        });
        return () => {
          if (asked === undefined) {
            let settle: (text: string) => void = () => {};
            const answer = new Promise<string>((resolve) => {
              settle = resolve;
            });
            asked = { answer, settle };
            tell({ type: 'worker-wants-totals' });
          }
          return asked.answer;
        };
      },
    },
  };
}
