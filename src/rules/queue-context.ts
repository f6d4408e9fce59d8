import type { Msg } from '../model/msg.ts';

/** Where and when a message goes on that left its run. */
export interface LaterPlace {
  readonly chain: string;
  readonly node: string;
  /** Wall time, ms. */
  readonly dueAt: number;
  /** A later message of the same slot takes the place of the one that waits there. */
  readonly slot?: string;
}

/** What nodes of `flow/` may do with the message itself. */
export interface QueueContext {
  /**
   * Stores the message, with what it wrote before. It ends here, processed, and goes on behind this node by Success at its
   * time as a message of its own, also after a crash. Give back what this gives. @throws NodeFailure when too many wait.
   */
  storeForLater(
    msg: Msg,
    at: LaterPlace,
  ): Promise<{ readonly relation: 'Success' | readonly never[]; readonly msg: Msg }>;
}
