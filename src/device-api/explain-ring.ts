import type { Clock } from '../model/clock.ts';
import { type JsonValue, stringifyJson } from '../model/json.ts';
import type { Msg, Originator } from '../model/msg.ts';
import { type NodeContext, type PathPlace, type RunResult, redactMsg, type TraceStep } from '../rules/index.ts';

export interface ExplainOptions {
  /** Messages kept of each sort: failed ones, and others. */
  readonly keep: number;
  /** One success in so many is traced; 0 = none. */
  readonly sampleEvery: number;
}

/** Where one message went, and why. Without secrets; long bodies are cut. */
export interface Explanation {
  readonly id: string;
  readonly at: number;
  readonly originator: Pick<Originator, 'entityType' | 'id' | 'name'>;
  readonly type: string;
  readonly generation: string;
  readonly outcome: RunResult['outcome'] | 'refused';
  /** Why it was kept: it failed somewhere, was one in so many, or somebody asked for its device. */
  readonly why: 'failed' | 'sampled' | 'asked';
  readonly metadata: Readonly<Record<string, string>>;
  /** `truncated`: the beginning of a body that was too long. */
  readonly data: JsonValue;
  readonly truncated: boolean;
  /** Every visit with labels and times, when the message was traced. */
  readonly steps?: readonly TraceStep[];
  /** The nodes visited and the labels it left by, without times, when only its failure made it worth keeping. */
  readonly path?: readonly PathPlace[];
  /** Branches that were given up. */
  readonly letters: readonly { readonly chain: string; readonly node: string; readonly reason: string }[];
}

/** A message that is traced from its start. */
export interface Traced {
  readonly why: 'sampled' | 'asked';
  readonly steps: TraceStep[];
}

const MAX_BODY_CHARS = 4_096;
const MAX_WATCHED = 100;
const MAX_STEPS = 512;

/**
 * What happened to the last messages: all that failed, one in so many of the others, and every one of a device that somebody
 * watches. Bounded; in memory alone.
 */
export class ExplainRing {
  readonly #options: ExplainOptions;
  readonly #clock: Clock;
  readonly #failures: Explanation[] = [];
  readonly #others: Explanation[] = [];
  readonly #watched = new Map<string, { until: number; left: number }>();
  #count = 0;

  constructor(options: ExplainOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Undefined for most messages: their way is then known only if they fail. */
  begin(originatorId: string): Traced | undefined {
    if (this.#watched.size > 0 && this.#isWatched(originatorId)) return { why: 'asked', steps: [] };
    const { sampleEvery } = this.#options;
    if (sampleEvery === 0 || ++this.#count < sampleEvery) return undefined;
    this.#count = 0;
    return { why: 'sampled', steps: [] };
  }

  /** Keeps the message when it was traced or has failed; call with every outcome. */
  end(msg: Msg, result: RunResult, run: RunFacts): void {
    const failed = result.outcome === 'dead-lettered' || result.path !== undefined;
    if (!failed && run.traced === undefined) return;
    const explanation = this.#explain(msg, result, run, failed);
    push(failed ? this.#failures : this.#others, explanation, this.#options.keep);
  }

  /** From now on every message of this originator is traced, for a while. Gives false when too many are watched already. */
  watch(originatorId: string, forMs: number, messages: number): boolean {
    const now = this.#clock.now();
    for (const [id, { until }] of this.#watched) if (until <= now) this.#watched.delete(id);
    if (this.#watched.size >= MAX_WATCHED && !this.#watched.has(originatorId)) return false;
    this.#watched.set(originatorId, { until: now + forMs, left: messages });
    return true;
  }

  /** By id; a branch of a fan-out has its message's. */
  find(id: string): Explanation | undefined {
    return this.list().find((one) => one.id === id || id.startsWith(`${one.id}.`));
  }

  /** Newest first. */
  list(): readonly Explanation[] {
    // Of one millisecond the last one first, too.
    return [...this.#failures, ...this.#others].reverse().sort((a, b) => b.at - a.at);
  }

  #isWatched(id: string): boolean {
    const watched = this.#watched.get(id);
    if (watched === undefined) return false;
    if (watched.left-- > 0 && watched.until > this.#clock.now()) return true;
    this.#watched.delete(id);
    return false;
  }

  #explain(
    msg: Msg,
    result: RunResult,
    { generation, traced, context, refused }: RunFacts,
    failed: boolean,
  ): Explanation {
    const { originator, id, type } = msg;
    const { metadata, data } = redactMsg(msg, context);
    const text = stringifyJson(data);
    const truncated = text.length > MAX_BODY_CHARS;
    const letters = result.outcome === 'dead-lettered' ? result.letters : [];
    return {
      id,
      at: this.#clock.now(),
      originator: { entityType: originator.entityType, id: originator.id, name: originator.name },
      type,
      generation,
      outcome: refused ? 'refused' : result.outcome,
      why: failed ? 'failed' : (traced?.why ?? 'sampled'),
      metadata,
      data: truncated ? text.slice(0, MAX_BODY_CHARS) : data,
      truncated,
      ...(traced ? { steps: traced.steps.slice(0, MAX_STEPS) } : {}),
      ...(traced === undefined && result.path ? { path: result.path.slice(0, MAX_STEPS) } : {}),
      letters: letters.slice(0, MAX_STEPS).map(({ chain, node, reason }) => ({ chain, node, reason })),
    };
  }
}

interface RunFacts {
  readonly generation: string;
  readonly traced: Traced | undefined;
  readonly context: Pick<NodeContext, 'maskSupplyPoint'>;
  /** The store failed it: it was not acknowledged, and no letter is kept. */
  readonly refused?: boolean;
}

function push(ring: Explanation[], one: Explanation, keep: number): void {
  ring.push(one);
  // In one piece now and then: a shift for each would move the whole ring.
  if (ring.length >= 2 * keep) ring.splice(0, ring.length - keep);
}
