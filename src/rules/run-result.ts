import type { Clock } from '../model/clock.ts';
import type { Msg } from '../model/msg.ts';
import type { NodeContext } from './node-context.ts';

/** A branch that could not be finished: where, why, and the message as it reached that node. */
export interface Letter {
  readonly chain: string;
  readonly node: string;
  readonly reason: string;
  readonly msg: Msg;
  /** Set when the reason is not the message: the store did not answer, or the time was over (since when it ran, monotonic ms). */
  readonly notItsFault?: { readonly kind: 'store' } | { readonly kind: 'late'; readonly since: number };
}

/** How a message ended: every branch came to its end, or these branches did not. */
export type RunResult = (
  | { readonly outcome: 'processed' }
  | { readonly outcome: 'dead-lettered'; readonly letters: readonly Letter[] }
) & {
  readonly rest?: RunRest;
  /** With `keepPath`, when a node failed or a branch was given up: every node visited, in order. */
  readonly path?: readonly PathPlace[];
};

/** A node that a message visited, and the labels that it left by; none when it did not get that far. */
export interface PathPlace {
  readonly chain: string;
  readonly node: string;
  readonly labels?: readonly string[];
}

/**
 * What is still to run behind `flow/ack`, only with `splitAtAck`: the outcome beside it is final and may be acknowledged.
 * Gives the branches that failed later.
 */
export type RunRest = (context: NodeContext) => readonly Letter[] | Promise<readonly Letter[]>;

/** One visit of a node, for `explain` and chain tests. */
export interface TraceStep {
  readonly chain: string;
  readonly node: string;
  readonly kind: string;
  /** Each branch of a fan-out has an id of its own: `<id of its source>.<1, 2, …>`. */
  readonly msgId: string;
  /** Labels the message left by. */
  readonly labels: readonly string[];
  /** Edges it followed; more than one = fan-out. `chain`: when it is another one, into which the message was called or returned. */
  readonly to: readonly { readonly label: string; readonly node: string; readonly chain?: string }[];
  /** Of an output node: the node that had called its chain, along whose edges the message went on. */
  readonly caller?: { readonly chain: string; readonly node: string };
  readonly ms: number;
  /** Tries of the node, when it was tried more than once. */
  readonly attempts?: number;
  /** Why it failed, without secrets. */
  readonly error?: string;
}

export interface RunLimits {
  /** Node visits per message, all branches and called chains together; 0 = no limit. */
  readonly maxSteps: number;
  /** Time per message; 0 = none. */
  readonly deadlineMs: number;
}

export const DEFAULT_RUN_LIMITS: RunLimits = { maxSteps: 256, deadlineMs: 10_000 };

export interface RunOptions {
  readonly trace?: (step: TraceStep) => void;
  readonly limits?: RunLimits;
  readonly clock?: Clock;
  /** Stops where every branch has ended or reached `flow/ack`, and leaves what is behind to `rest`. */
  readonly splitAtAck?: boolean;
  /** Gives the nodes that a message visited, with labels, when something failed on its way. */
  readonly keepPath?: boolean;
  /** Resolves after so many milliseconds: pauses between tries. Default: a timer. */
  readonly wait?: (ms: number) => Promise<void>;
}
