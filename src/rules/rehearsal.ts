import type { Msg } from '../model/msg.ts';
import { ALARM_RULES_DUE } from './alarms/index.ts';
import { catalogue } from './catalogue.ts';
import type { TestMessage } from './chain-test-file.ts';
import { observe, type WorldState } from './chain-test-world.ts';
import type { CompiledChain } from './compile.ts';
import { type LoadResult, loadChains } from './generation.ts';
import type { NodeKind, NodeResult } from './node-kind.ts';
import { keepInside, type NodeVisit, watchKinds } from './node-visits.ts';
import { createWaiting } from './rehearsal-later.ts';
import { type RunOptions, type RunResult, resumeChain, runChain, type TraceStep } from './run.ts';
import { wrapSecrets } from './secrets.ts';
import { SOURCE_TICK, sourcesOf } from './sources.ts';
import { createTestContext, type TestContext, type TestGiven } from './test-context.ts';
import { createOutside, type Mocks, type Outside } from './test-mocks.ts';

const MAX_RUNS = 10_000;

/** What a loaded set of chains plays before: exchanged for each case. */
export interface Stage {
  outside: Outside;
  onVisit?: (visit: NodeVisit) => void;
}

/** Chains for a rehearsal: no node of them reaches outside. */
export function loadForRehearsal(
  paths: string | readonly string[],
  stage: Stage,
  kinds: readonly NodeKind[] = catalogue,
): Promise<LoadResult> {
  const inside = keepInside(kinds, (visit) => stage.outside.answer(visit));
  return loadChains(paths, { kinds: watchKinds(inside, (visit) => stage.onVisit?.(visit)) });
}

/** One message on its way, and what became of it. */
export interface MessageRun {
  readonly msg: Msg;
  readonly result: RunResult;
  readonly steps: readonly TraceStep[];
}

export interface Rehearsal {
  readonly context: TestContext;
  /** The world before the first message. */
  readonly before: WorldState;
  readonly outside: Outside;
  /** In the order in which the messages ran. */
  readonly runs: readonly MessageRun[];
  /** Replies that were there before the last of them. */
  readonly repliesBefore: number;
}

export interface Play {
  readonly chain: CompiledChain;
  /** All chains of its generation. */
  readonly chains: ReadonlyMap<string, CompiledChain>;
  readonly secretKeys: ReadonlySet<string>;
  readonly given?: TestGiven & { readonly mocks?: Mocks };
  readonly when: readonly TestMessage[];
  readonly onStep?: (step: TraceStep) => void;
  /** Whether sources of the chain make their messages when the clock moves. */
  readonly withSources?: boolean;
  /** Hears of everything that nodes ask of the world, before it is done. */
  readonly watchContext?: (name: string, args: readonly unknown[]) => void;
}

/** Runs messages through a chain in a world of their own, as the broker would, on a clock that only they move. */
export async function rehearse(play: Play, stage: Stage): Promise<Rehearsal> {
  const { chain, chains, given, when } = play;
  const waiting = createWaiting();
  const context = Object.assign(createTestContext(given), { storeForLater: waiting.storeForLater });
  const shown = play.watchContext ? watched(context, play.watchContext) : context;
  const outside = createOutside(chain.name, given?.mocks);
  stage.outside = outside;
  const before = observe(context);
  const runs: MessageRun[] = [];
  let repliesBefore = 0;

  const run = async (msg: Msg, start: (options: RunOptions) => RunResult | Promise<RunResult>): Promise<void> => {
    repliesBefore = context.replies.length;
    const steps: TraceStep[] = [];
    const trace = (step: TraceStep): void => {
      steps.push(step);
      play.onStep?.(step);
    };
    const wait = async (ms: number): Promise<void> => context.advanceTo(context.now() + ms);
    runs.push({ msg, result: await start({ trace, wait }), steps });
  };

  /** Evaluates alarm rules for which it is time; false when there are none by then. */
  const lookAtAlarms = async (time: number): Promise<boolean> => {
    const [due] = context.alarmStates.takeDue(time, 1);
    if (due === undefined) return false;
    context.advanceTo(due.dueAt);
    const { originator } = due;
    const node = chains.get(due.at.chain)?.nodes.get(due.at.node);
    const metadata = { deviceName: originator.name, deviceType: originator.profile };
    const msg = {
      id: `due-${runs.length + 1}`,
      ts: context.now(),
      type: ALARM_RULES_DUE,
      originator,
      metadata,
      data: {},
    };
    if (node) await run(msg, (options) => runChain(node, msg, context, options));
    return true;
  };

  const sources = (play.withSources ? sourcesOf([chain]) : []).map((source) => ({
    ...source,
    made: 0,
    nextAt: context.now() + source.everyMs,
  }));

  /** Lets the source whose time comes first make its message; false when there is none by then. */
  const makeNext = async (time: number): Promise<boolean> => {
    const waitingOnes = sources.filter(({ made, times, nextAt }) => made < times && nextAt <= time);
    const [source] = waitingOnes.sort((a, b) => a.nextAt - b.nextAt);
    const node = source && chain.nodes.get(source.node);
    if (!node) return false;
    context.advanceTo(source.nextAt);
    source.made++;
    source.nextAt += source.everyMs;
    const originator = context.named('TENANT');
    const id = `made-${runs.length + 1}`;
    const msg = {
      id,
      ts: context.now(),
      type: SOURCE_TICK,
      originator,
      metadata: { number: String(source.made) },
      data: {},
    };
    await run(msg, (options) => runChain(node, msg, shown, options));
    return true;
  };

  /** Moves the clock, and lets go on what falls due on the way. */
  const advanceTo = async (time: number): Promise<void> => {
    for (;;) {
      if (runs.length > MAX_RUNS) throw new Error(`more than ${MAX_RUNS} messages ran: do they go round for ever?`);
      const alarms = Math.min(time, context.alarmStates.nextDue ?? time);
      const made = Math.min(...sources.filter((one) => one.made < one.times).map(({ nextAt }) => nextAt));
      const stored = waiting.next(Math.min(alarms, made));
      if (stored === undefined) {
        if ((await makeNext(alarms)) || (await lookAtAlarms(time))) continue;
        break;
      }
      context.advanceTo(stored.at.dueAt);
      const node = chains.get(stored.at.chain)?.nodes.get(stored.at.node);
      const msg = { ...stored.msg, id: `${stored.msg.id}-later` };
      const produce = (): NodeResult => ({ relation: 'Success', msg });
      if (node) await run(msg, (options) => resumeChain(node, { msg, produce }, shown, options));
    }
    context.advanceTo(time);
  };

  for (const [index, message] of when.entries()) {
    await advanceTo(Math.max(context.now() + Number(message.advance ?? 0), Number(message.at ?? 0)));
    if (message.from === undefined) continue;
    const msg = msgOf({ ...message, from: message.from }, `message-${index + 1}`, context, play.secretKeys);
    await run(msg, (options) => runChain(chain.first, msg, shown, options));
    await advanceTo(context.now());
  }
  return { context, before, outside, runs, repliesBefore };
}

function watched(context: TestContext, tell: NonNullable<Play['watchContext']>): TestContext {
  return new Proxy(context, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function' || typeof name !== 'string') return value;
      return (...args: unknown[]): unknown => {
        tell(name, args);
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** A message as the device API makes it (thingsboard-rule-chains 3.3). */
function msgOf(
  message: TestMessage & { readonly from: string },
  id: string,
  context: TestContext,
  secretKeys: ReadonlySet<string>,
): Msg {
  const originator = context.named(message.from);
  const ts = Number(message.ts ?? context.now());
  const { entityType, name, profile } = originator;
  const device = entityType === 'DEVICE' ? { deviceName: name, deviceType: profile } : { entityName: name, entityType };
  const base = { id, ts, originator };
  if (message.telemetry) {
    const metadata = { ...device, ts: String(ts), mqttTopic: 'v1/devices/me/telemetry', ...message.metadata };
    return { ...base, type: 'POST_TELEMETRY_REQUEST', metadata, data: wrapSecrets(message.telemetry, secretKeys) };
  }
  if (message.attributes) {
    const metadata = { ...device, notifyDevice: 'false', mqttTopic: 'v1/devices/me/attributes', ...message.metadata };
    return { ...base, type: 'POST_ATTRIBUTES_REQUEST', metadata, data: wrapSecrets(message.attributes, secretKeys) };
  }
  const data = wrapSecrets(message.data ?? {}, secretKeys);
  return { ...base, type: message.type ?? '', metadata: { ...device, ...message.metadata }, data };
}
