export { type CheckResult, createHealth, type Health, type ReadinessBody, type ReadinessCheck } from './health.ts';
export { createLog, LOG_LEVELS, type Log, type LogFacts, type LogLevel, type LogOptions } from './log.ts';
export {
  type CounterMetric,
  createMetrics,
  type GaugeMetric,
  type HistogramMetric,
  type Labels,
  type MetricSpec,
  type Metrics,
  type Sample,
} from './metrics.ts';
export { isSecretName, redact, redactText } from './redact.ts';
