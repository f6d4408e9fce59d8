import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string | number>>;

export interface MetricSpec {
  /** `gridmoor_` first, unit last, `_total` for counters: `gridmoor_messages_total`. */
  readonly name: string;
  readonly help: string;
  /** Names of labels with few values. Never a device, a client id or an address. */
  readonly labels?: readonly string[];
  /** What the metric of several workers together is; default `sum`. `max` for what they share, `min` for what all must have. */
  readonly together?: 'sum' | 'min' | 'max';
}

/** A metric with its values, as data that another process can be sent. */
export interface MetricFamily {
  readonly name: string;
  /** `counter`, `gauge` … */
  readonly type: unknown;
  readonly values: readonly object[];
}
export type MetricFamilies = readonly MetricFamily[];

export interface CounterMetric {
  inc(labels?: Labels, by?: number): void;
}
export interface GaugeMetric {
  set(value: number, labels?: Labels): void;
}
export interface HistogramMetric {
  observe(value: number, labels?: Labels): void;
}

/** One value of a pulled metric. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
}

/**
 * The metrics of one instance. Asking for a name twice gives the same metric; another kind under that name throws.
 * Hot paths keep plain numbers of their own and hand them over by `pull`, read once per scrape.
 */
export interface Metrics {
  counter(spec: MetricSpec): CounterMetric;
  gauge(spec: MetricSpec): GaugeMetric;
  /** `buckets` in the metric's unit, rising. */
  histogram(spec: MetricSpec & { readonly buckets: readonly number[] }): HistogramMetric;
  /** A counter or gauge whose values are read at each scrape; a counter's values are totals since the start. */
  pull(
    kind: 'counter' | 'gauge',
    spec: MetricSpec,
    read: () => number | Iterable<Sample> | Promise<number | Iterable<Sample>>,
  ): void;
  /** The text that `/metrics` answers. A `read` that throws costs its own metric only. */
  collectText(): Promise<string>;
  collectFamilies(): Promise<MetricFamilies>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** Memory, CPU and event loop of the process. Default true. */
  readonly processMetrics?: boolean;
  /** Hears of a `read` that failed. */
  readonly onProblem?: (name: string, cause: unknown) => void;
}

/** Each sample wakes the process: the default of 10 ms is most of what an idle broker does. The lag's percentiles begin at it. */
const EVENT_LOOP_SAMPLE_MS = 50;

type Kind = 'counter' | 'gauge' | 'histogram' | 'pulled counter' | 'pulled gauge';

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (options.processMetrics !== false)
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
  const known = new Map<string, { readonly kind: Kind; readonly metric: unknown }>();

  const once = <T>(name: string, kind: Kind, make: () => T): T => {
    const existing = known.get(name);
    if (existing === undefined) {
      const metric = make();
      known.set(name, { kind, metric });
      return metric;
    }
    if (existing.kind !== kind) throw new TypeError(`metric ${name} is a ${existing.kind}, not a ${kind}`);
    return existing.metric as T;
  };
  const base = (spec: MetricSpec) => ({
    name: spec.name,
    help: spec.help,
    labelNames: [...(spec.labels ?? [])],
    aggregator: spec.together ?? ('sum' as const),
    registers: [registry],
  });

  return {
    counter: (spec) =>
      once(spec.name, 'counter', () => {
        const counter = new Counter(base(spec));
        return { inc: (labels, by = 1) => (labels ? counter.inc(labels, by) : counter.inc(by)) };
      }),
    gauge: (spec) =>
      once(spec.name, 'gauge', () => {
        const gauge = new Gauge(base(spec));
        return { set: (value, labels) => (labels ? gauge.set(labels, value) : gauge.set(value)) };
      }),
    histogram: (spec) =>
      once(spec.name, 'histogram', () => {
        const histogram = new Histogram({ ...base(spec), buckets: [...spec.buckets] });
        return { observe: (value, labels) => (labels ? histogram.observe(labels, value) : histogram.observe(value)) };
      }),
    pull(kind, spec, read) {
      if (known.has(spec.name)) throw new TypeError(`metric ${spec.name} exists already`);
      known.set(spec.name, { kind: `pulled ${kind}`, metric: undefined });
      const collect = async (put: (labels: Labels, value: number) => void, reset: () => void): Promise<void> => {
        try {
          const values = await read();
          reset();
          if (typeof values === 'number') put({}, values);
          else for (const sample of values) put(sample.labels ?? {}, sample.value);
        } catch (cause) {
          options.onProblem?.(spec.name, cause);
        }
      };
      if (kind === 'counter') {
        const counter = new Counter({
          ...base(spec),
          collect: () =>
            collect(
              (labels, value) => counter.inc(labels, value),
              () => counter.reset(),
            ),
        });
      } else {
        const gauge = new Gauge({
          ...base(spec),
          collect: () =>
            collect(
              (labels, value) => gauge.set(labels, value),
              () => gauge.reset(),
            ),
        });
      }
    },
    collectText: () => registry.metrics(),
    collectFamilies: () => registry.getMetricsAsJSON(),
    contentType: registry.contentType,
  };
}

/** The metrics of several processes as those of one. */
export function sumFamilies(parts: readonly MetricFamilies[]): Promise<MetricFamilies> {
  return AggregatorRegistry.aggregate([...parts]).getMetricsAsJSON();
}

/** What `/metrics` answers. */
export function textOfFamilies(families: MetricFamilies): Promise<string> {
  return AggregatorRegistry.aggregate([families]).metrics();
}
