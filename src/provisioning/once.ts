import { createHash } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { DocumentStore } from '../storage/document-store.ts';

/** What may be used once: nonces, challenges, signatures. One of several instances takes it. */
export interface Once {
  /** Whether this is the first time. @param until when it may be forgotten, ms since 1970. */
  take(key: string, until: number): Promise<boolean>;
}

const KIND = 'once';

export function createOnce(documents: DocumentStore, clock: Clock): Once {
  return {
    take(key, until) {
      // Keys come from outside: of any length, with any character.
      const hashed = createHash('sha256').update(key, 'utf8').digest('hex');
      return documents.write([{ kind: KIND, key: hashed, text: '', expiresAt: until, expected: 0 }], clock.now());
    },
  };
}
