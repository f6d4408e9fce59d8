import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import type { DeadLetterStore } from '../storage/record-stores.ts';
import type { MessageCounters } from './counters.ts';

/** How often the log tells of forgotten letters, ms. */
export const TOLD_EVERY_MS = 60_000;

/** The store of dead letters, which tells by metric and log when the oldest have to go for newer ones. */
export function tellForgotten(
  store: DeadLetterStore,
  { counters, clock, log }: { readonly counters: MessageCounters; readonly clock: Clock; readonly log: Log },
): DeadLetterStore {
  let untold = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    ...store,
    async put(letter) {
      const forgotten = await store.put(letter);
      counters.lettersForgotten += forgotten;
      untold += forgotten;
      const now = clock.monotonic();
      if (untold > 0 && now - toldAt >= TOLD_EVERY_MS) {
        log.warn(
          { event: 'dead-letters.forgotten', letters: untold },
          'dead letters are full: the oldest are forgotten for newer ones',
        );
        untold = 0;
        toldAt = now;
      }
      return forgotten;
    },
  };
}
