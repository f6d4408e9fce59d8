export { type CheckResult, createHealth, type Health, type ReadinessBody, type ReadinessCheck } from './health.ts';
export { createLog, LOG_LEVELS, type Log, type LogFacts, type LogLevel, type LogOptions } from './log.ts';
export {
  type CounterMetric,
  createMetrics,
  type GaugeMetric,
  type HistogramMetric,
  type Labels,
  type MetricFamilies,
  type MetricSpec,
  type Metrics,
  type Sample,
  sumFamilies,
  textOfFamilies,
} from './metrics.ts';
export { isSecretName, redact, redactText } from './redact.ts';
export { watchStalls } from './stall-watch.ts';
