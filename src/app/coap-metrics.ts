import type { Metrics } from '../observe/index.ts';
import type { CoapCounts, CoapFront } from '../transport/coap/server.ts';

const METRICS = {
  requests: ['counter', 'CoAP requests that came, without repeats.'],
  repeated: ['counter', 'CoAP requests that came again and were not run again.'],
  malformed: ['counter', 'Datagrams that are no CoAP.'],
  busy: ['counter', 'CoAP requests refused because too many were under way.'],
  retransmitted: ['counter', 'CoAP messages to devices that were sent again.'],
  observations: ['gauge', 'CoAP observations of all devices.'],
} as const satisfies Record<keyof CoapCounts, readonly ['counter' | 'gauge', string]>;

/** What the CoAP front counts, read at each scrape. */
export function registerCoapMetrics(metrics: Metrics, coap: CoapFront): void {
  for (const name of Object.keys(METRICS) as (keyof CoapCounts)[]) {
    const [kind, help] = METRICS[name];
    const unit = kind === 'counter' ? '_total' : '';
    metrics.pull(kind, { name: `gridmoor_coap_${name}${unit}`, help }, () => coap.counts[name]);
  }
}
