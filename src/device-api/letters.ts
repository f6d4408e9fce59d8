import type { Msg } from '../model/msg.ts';
import { type Letter, type RunResult, redactMsg } from '../rules/index.ts';
import type { DeadLetter } from '../storage/record-stores.ts';
import type { MessageContext } from './message-context.ts';
import type { MsgSeal } from './msg-seal.ts';

/** A branch that was given up, as the store keeps it. @param first the message as it came in. */
export function toRecord(
  { msg, chain, node, reason }: Letter,
  { first, retries = 0 }: { readonly first: Msg; readonly retries?: number | undefined },
  { context, seal }: { readonly context: MessageContext; readonly seal: MsgSeal },
): DeadLetter {
  const { entityType, id, name } = first.originator;
  return {
    id: `${msg.id}~${node}`,
    at: context.now(),
    originator: { entityType, id },
    originatorName: name,
    chain,
    node,
    reason,
    msgType: msg.type,
    ...redactMsg(msg, context),
    retries,
    sealed: seal.seal(msg),
  };
}

/** Why a message is to be refused as a whole: the store failed it. @param wasAway whether the store was, since then (monotonic ms). */
export function outageOf(result: RunResult, wasAway: (since: number) => boolean): string | undefined {
  if (result.outcome !== 'dead-lettered') return undefined;
  return result.letters.find(({ notItsFault: why }) => (why?.kind === 'late' ? wasAway(why.since) : why !== undefined))
    ?.reason;
}
