import { createHash } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import type { DocumentStore } from '../storage/document-store.ts';
import type { MessageRunner } from './message-runner.ts';

const KIND = 'letter-try';
/** An instance that dies while it tries a letter keeps the others from it for so long, ms. */
export const CLAIM_MS = 30_000;

/** Tries of dead letters that instances share: one of them at a time has a letter, for the others it is under way. */
export function claimLetters(
  retry: MessageRunner['retry'],
  { documents, clock, log }: { readonly documents: DocumentStore; readonly clock: Clock; readonly log: Log },
): MessageRunner['retry'] {
  return async (id, fromStart) => {
    // Names of nodes may be any text, keys of documents may not.
    const place = { kind: KIND, key: createHash('sha256').update(id).digest('hex') };
    const now = clock.now();
    const began = clock.monotonic();
    const claimed = await documents.write([{ ...place, text: '', expiresAt: now + CLAIM_MS, expected: 0 }], now);
    if (!claimed) return 'under-way';
    try {
      return await retry(id, fromStart);
    } finally {
      // Past its end what stands there is the claim of another.
      if (clock.monotonic() - began < CLAIM_MS) {
        await documents.write([place], clock.now()).catch((error: unknown) => {
          log.warn(
            { event: 'letter.not-released', err: error },
            'a dead letter cannot be tried again before its claim ends',
          );
        });
      }
    }
  };
}
