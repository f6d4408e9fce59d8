import type { Msg } from '../model/msg.ts';
import { ChainRun } from './chain-run.ts';
import type { CompiledNode } from './compile.ts';
import type { NodeContext } from './node-context.ts';
import type { NodeResult } from './node-kind.ts';
import type { RunOptions, RunResult } from './run-result.ts';

export {
  DEFAULT_RUN_LIMITS,
  type Letter,
  type PathPlace,
  type RunLimits,
  type RunOptions,
  type RunRest,
  type RunResult,
  type TraceStep,
} from './run-result.ts';

const NO_OPTIONS: RunOptions = {};

/**
 * Runs a message from a node on; null, for a chain without a first node, is no work. Never throws and never rejects. The
 * answer is a promise only when a node gave one; branches run one after the other, each with its own copy of the message.
 */
export function runChain(
  first: CompiledNode | null,
  msg: Msg,
  context: NodeContext,
  options: RunOptions = NO_OPTIONS,
): RunResult | Promise<RunResult> {
  const run = new ChainRun(context, options);
  const pending = first === null ? undefined : run.walk(first, msg);
  return pending === undefined ? run.end() : pending.then(() => run.end());
}

/** Goes on behind a node with what it gives now: the answer to something that the node began in a message before. */
export function resumeChain(
  node: CompiledNode,
  from: { readonly msg: Msg; readonly produce: () => NodeResult },
  context: NodeContext,
  options: RunOptions = NO_OPTIONS,
): RunResult | Promise<RunResult> {
  const run = new ChainRun(context, options);
  const pending = run.resume(node, from.msg, from.produce);
  return pending === undefined ? run.end() : pending.then(() => run.end());
}
