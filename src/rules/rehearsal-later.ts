import type { Msg } from '../model/msg.ts';
import type { LaterPlace, QueueContext } from './queue-context.ts';

export interface StoredMsg {
  readonly msg: Msg;
  readonly at: LaterPlace;
}

/** Messages that wait in a rehearsal: what the broker's store of messages is to the broker. */
export interface Waiting extends QueueContext {
  /** Takes out the next message that is due by then, the one that waits longest of those due at once. */
  next(until: number): StoredMsg | undefined;
}

export function createWaiting(): Waiting {
  const stored: StoredMsg[] = [];
  return {
    async storeForLater(msg, at) {
      const former = stored.findIndex((one) => at.slot !== undefined && one.at.slot === at.slot);
      if (former >= 0) stored.splice(former, 1);
      stored.push({ msg, at });
      return { relation: [], msg };
    },
    next(until) {
      const due = stored.filter(({ at }) => at.dueAt <= until);
      const first = due.reduce<StoredMsg | undefined>(
        (best, one) => (best !== undefined && best.at.dueAt <= one.at.dueAt ? best : one),
        undefined,
      );
      if (first) stored.splice(stored.indexOf(first), 1);
      return first;
    },
  };
}
