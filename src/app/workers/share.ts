import { formatRateLimit, parseRateLimit } from '../../model/rate-limit.ts';
import type { StartOptions } from '../start.ts';

/**
 * The part that one of several workers takes of what each counts for itself: of connections, addresses and all devices together.
 * A device's own limits are whole, since one worker has its session.
 */
export function shareOf(options: StartOptions, workers: number): StartOptions {
  const part = (whole: number): number => Math.max(1, Math.ceil(whole / workers));
  const rate = (text: string): string => {
    const parsed = parseRateLimit(text); // the configuration takes none that does not parse
    if (!parsed.ok) return text;
    return formatRateLimit(parsed.value.map((bucket) => ({ ...bucket, capacity: part(bucket.capacity) })));
  };
  const { mqtt, http, pauses, instanceLimits, longPolls, queue, rpc } = options;
  const { apps, addressBlock } = mqtt;
  return {
    ...options,
    pauses: { ...pauses, free: Math.floor(pauses.free / workers) },
    instanceLimits: {
      messages: rate(instanceLimits.messages),
      telemetryMessages: rate(instanceLimits.telemetryMessages),
      telemetryDataPoints: rate(instanceLimits.telemetryDataPoints),
    },
    longPolls: { ...longPolls, max: part(longPolls.max) },
    queue: { ...queue, maxWaitingTotal: part(queue.maxWaitingTotal) },
    rpc: { ...rpc, maxTotal: part(rpc.maxTotal) },
    mqtt: {
      ...mqtt,
      maxConnections: part(mqtt.maxConnections),
      apps: { ...apps, maxConnections: part(apps.maxConnections), publishRate: rate(apps.publishRate) },
      ...(addressBlock ? { addressBlock: { ...addressBlock, maxFailures: part(addressBlock.maxFailures) } } : {}),
    },
    http: { ...http, maxConnections: part(http.maxConnections) },
  };
}
