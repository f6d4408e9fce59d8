import type { JsonValue } from '../../model/json.ts';
import type { Msg } from '../../model/msg.ts';
import type { TestMessage } from '../chain-test-file.ts';
import { observe, outsideOf } from '../chain-test-world.ts';
import type { Generation } from '../generation.ts';
import type { NodeVisit } from '../node-visits.ts';
import { type RedactedMsg, redactBody, redactMsg, redactText } from '../redact.ts';
import { type Play, rehearse, type Stage } from '../rehearsal.ts';
import type { Letter, TraceStep } from '../run.ts';
import type { TestContext } from '../test-context.ts';
import { factsOf, leavesOf } from './condition-leaves.ts';
import { canonicalJson } from './json-same.ts';

/** One comparison as it came out. */
export interface ExplainedCondition {
  /** JSON pointer below the node's config. */
  readonly at: string;
  readonly text: string;
  /** What the message had there; absent when it had nothing. */
  readonly actual?: JsonValue;
  readonly expected?: unknown;
  readonly holds: boolean;
}

export interface ExplainedStep extends Omit<TraceStep, 'msgId'> {
  /** The message as it came to the node, without secrets. */
  readonly msg: RedactedMsg & { readonly type: string };
  readonly conditions: readonly ExplainedCondition[];
}

export interface ExplainedMsg {
  readonly from: string;
  readonly type: string;
  readonly steps: readonly ExplainedStep[];
  readonly outcome: string;
  readonly deadLetters: readonly Pick<Letter, 'chain' | 'node' | 'reason'>[];
}

export interface Explanation {
  readonly messages: readonly ExplainedMsg[];
  /** What was left behind that was not there before; only what there is. */
  readonly left: Readonly<Record<string, JsonValue>>;
}

/** Runs messages through the root chain, offline, and tells each step of the way. Nothing secret is in what it gives. */
export async function explain(
  { root, chains, secretKeys }: Generation,
  stage: Stage,
  { given, when }: Pick<Play, 'given'> & { readonly when: readonly TestMessage[] },
): Promise<Explanation> {
  const visits: NodeVisit[] = [];
  const told = new Map<TraceStep, NodeVisit | undefined>();
  stage.onVisit = (visit) => visits.push(visit);
  const onStep = (step: TraceStep): void => {
    told.set(
      step,
      visits.findLast(({ chain, node }) => chain === step.chain && node === step.node),
    );
  };
  const play = { chain: root, chains, secretKeys, when, onStep, ...(given ? { given } : {}) };
  const rehearsal = await rehearse(play, stage);
  const { context, before, runs } = rehearsal;
  const messages = runs.map(({ msg, result, steps }): ExplainedMsg => {
    const letters = result.outcome === 'dead-lettered' ? result.letters : [];
    return {
      from: redactText(msg.originator.name, context),
      type: msg.type,
      steps: steps.map((step) => explainStep(step, told.get(step), msg, context)),
      outcome: result.outcome,
      deadLetters: letters.map(({ chain, node, reason }) => ({ chain, node, reason })),
    };
  });
  const state = {
    ...observe(context),
    outside: outsideOf(rehearsal),
    replies: context.replies as unknown as JsonValue,
  };
  const empty = { ...before, outside: {}, replies: [] };
  const left = Object.entries(state).filter(
    ([key, value]) => canonicalJson(value) !== canonicalJson(empty[key as keyof typeof empty]),
  );
  return { messages, left: Object.fromEntries(left.map(([key, value]) => [key, redactBody(value, context)])) };
}

function explainStep(
  { msgId: _, ...step }: TraceStep,
  visit: NodeVisit | undefined,
  first: Msg,
  context: TestContext,
): ExplainedStep {
  const msg = visit?.msg ?? first;
  const redacted = redactMsg(msg, context);
  return {
    ...step,
    msg: { type: msg.type, ...redacted },
    conditions: visit ? explainConditions(visit, { ...msg, ...redacted }, context) : [],
  };
}

/** Each comparison of the node that the message came to; values are read from the message without secrets. */
export function explainConditions(
  { config, msg }: Pick<NodeVisit, 'config' | 'msg'>,
  shown: Msg,
  context: Pick<TestContext, 'maskSupplyPoint'>,
): ExplainedCondition[] {
  return leavesOf(config).map((leaf): ExplainedCondition => {
    const actual = leaf.read(factsOf(shown)) as JsonValue | undefined;
    return {
      at: leaf.at,
      text: redactText(leaf.text, context),
      ...(actual === undefined ? {} : { actual: redactBody(actual, context) }),
      ...(leaf.expected === undefined ? {} : { expected: redactBody(leaf.expected as JsonValue, context) }),
      holds: leaf.test(factsOf(msg)),
    };
  });
}
