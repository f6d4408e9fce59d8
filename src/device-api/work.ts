import type { Msg } from '../model/msg.ts';
import type { Generation, RunOptions, RunResult } from '../rules/index.ts';
import type { SessionMark } from '../storage/session-mark.ts';
import type { MessageContext } from './message-context.ts';

/** How a message ended, for its sender. `failed`: the store did not take it; nothing may be acknowledged. */
export type MessageEnd = 'done' | 'busy' | 'failed';

/** What becomes of a message, and who hears of it. */
export interface Work {
  readonly msg: Msg;
  readonly generation: Generation;
  /** Absent: it enters the chains, as it came. */
  readonly start?: (context: MessageContext, options: RunOptions | undefined) => RunResult | Promise<RunResult>;
  /** Joins what belongs into the commit of its outcome. */
  readonly alsoWrite?: (context: MessageContext) => void;
  /** Times that the message was tried again. */
  readonly retries?: number;
  /** Whoever waits for its end has it still, and lets it come again. */
  readonly comesAgain?: true | undefined;
  readonly session?: SessionMark | undefined;
  readonly done: (end: MessageEnd, outcome?: RunResult['outcome']) => void;
}
