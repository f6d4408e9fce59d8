export type { AlarmContext } from './alarm-context.ts';
export { ALARM_RULES_DUE, AlarmStates, type DueAlarms } from './alarms/index.ts';
export type { AppMessage } from './app-context.ts';
export { toCallBody } from './call-body.ts';
export { catalogue } from './catalogue.ts';
export { ruleNodesMarkdown } from './chain-docs.ts';
export { isChainFile } from './chain-files.ts';
export type { ChainGraph, GraphEdge, GraphNode } from './chain-graph.ts';
export { chainSchema, chainTestSchema } from './chain-schema.ts';
export { type CaseResult, type ChainTestReport, runChainTests } from './chain-test.ts';
export type { CompiledChain } from './compile.ts';
export { type CounterBook, type CounterLine, createCounterBook } from './counters.ts';
export type { DeviceStateEvent, Direction, EntityContext, HistoryQuery } from './entity-context.ts';
export {
  type Generation,
  type LoadOptions,
  type LoadResult,
  lintChains,
  loadChains,
  type NodePlace,
} from './generation.ts';
export { chainToMermaid, type GraphCounts } from './graph.ts';
export { formatJson } from './json-format.ts';
export { LINT_RULES, type LintRule } from './lint.ts';
export { hideSecrets } from './lint-secrets.ts';
export type {
  AttributeChange,
  CallAnswer,
  DeviceCall,
  NodeContext,
  SupplierMatch,
  TelemetryTargets,
} from './node-context.ts';
export { dataObject, deviceOf, NodeFailure, type NodeKind } from './node-kind.ts';
export { createPseudonyms, type Pseudonyms } from './pseudonym.ts';
export type { LaterPlace, QueueContext } from './queue-context.ts';
export {
  MAX_RECORDED,
  parseRecording,
  type RecordedMsg,
  type Recording,
  recordedLine,
  recordingHeader,
} from './recording.ts';
export { type RedactedMsg, redactMsg, redactText } from './redact.ts';
export {
  DEFAULT_RUN_LIMITS,
  type Letter,
  type PathPlace,
  type RunLimits,
  type RunOptions,
  type RunRest,
  type RunResult,
  type TraceStep,
} from './run.ts';
export { withoutSecrets, wrapSecrets } from './secrets.ts';
export { SOURCE_TICK, type Source, sourcesOf } from './sources.ts';
export { createTestContext, type TestContext, type TestGiven } from './test-context.ts';
export { tracePaths } from './trace-paths.ts';
