/** Places in an order: texts of one length, each greater than the one before; those of other brokers follow the clock. */
export interface Sequence {
  next(): string;
  /** The same as a number. */
  nextNumber(): number;
}

/** Digits that last beyond the year 2100. */
const LENGTH = 11;

export function createSequence(): Sequence {
  let last = 0;
  const nextNumber = (): number => {
    last = Math.max(last + 1, Date.now() * 1000);
    return last;
  };
  return { nextNumber, next: () => nextNumber().toString(36).padStart(LENGTH, '0') };
}

/** What stands behind the sequence that a text begins with. */
export const behindSequence = (text: string): string => text.slice(LENGTH);
