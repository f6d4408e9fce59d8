import type { JsonObject, JsonValue } from '../model/json.ts';

/** How often the statistics of a gateway are given out, ms. */
const REPORT_MS = 60_000;
/** Connectors of one gateway that have statistics; those of more are not kept. */
const MAX_CONNECTORS = 100;
const MAX_NAME = 255;

class Latency {
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  add(ms: number): void {
    this.sum += ms;
    this.min = Math.min(this.min, ms);
    this.max = Math.max(this.max, ms);
  }
}

interface Connector {
  count: number;
  readonly gateway: Latency;
  readonly transport: Latency;
}

/**
 * How long telemetry took in a gateway and on its way here, by connector, from `metadata` of its items
 * (thingsboard-device-api 4.2). Given out every minute in which there was some; what is left at the end is dropped.
 */
export class GatewayMetrics {
  readonly #report: (values: JsonObject) => void;
  readonly #connectors = new Map<string, Connector>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(report: (values: JsonObject) => void) {
    this.#report = report;
  }

  /** Items of one sub-device that came at `now`. Items without `metadata`, or with one that is not whole, do not count. */
  take(items: readonly JsonValue[], now: number): void {
    if (this.#closed) return;
    for (const item of items) {
      const { values, metadata } = objectOf(item) ?? {};
      if (values !== undefined && metadata !== undefined) this.#take(objectOf(metadata), now);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#connectors.clear();
  }

  #take(metadata: JsonObject | undefined, now: number): void {
    const { connector, receivedTs, publishedTs } = metadata ?? {};
    if (typeof connector !== 'string' || connector.length > MAX_NAME || !isTime(receivedTs) || !isTime(publishedTs)) {
      return;
    }
    let known = this.#connectors.get(connector);
    if (!known) {
      if (this.#connectors.size >= MAX_CONNECTORS) return;
      known = { count: 0, gateway: new Latency(), transport: new Latency() };
      this.#connectors.set(connector, known);
    }
    known.count++;
    known.gateway.add(publishedTs - receivedTs);
    known.transport.add(now - publishedTs);
    this.#timer ??= setTimeout(() => this.#tell(), REPORT_MS).unref();
  }

  #tell(): void {
    const all = [...this.#connectors].map(([name, connector]) => [name, toResult(connector)] as const);
    this.#timer = undefined;
    this.#connectors.clear();
    this.#report({ gatewayMetrics: Object.fromEntries(all) });
  }
}

const toResult = ({ count, gateway, transport }: Connector) => ({
  avgGwLatency: Math.trunc(gateway.sum / count),
  minGwLatency: gateway.min,
  maxGwLatency: gateway.max,
  avgTransportLatency: Math.trunc(transport.sum / count),
  minTransportLatency: transport.min,
  maxTransportLatency: transport.max,
});

const isTime = (value: JsonValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
