/** How an accepted message may end; exactly one of these for each (design.md 5.5). */
export const OUTCOMES = ['processed', 'dead-lettered', 'rate-limited', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * Plain integers that the message path bumps and the metrics room reads: received = the four outcomes + in flight, always.
 */
export interface MessageCounters {
  received: number;
  inFlight: number;
  readonly outcomes: Record<Outcome, number>;
  /** The same of messages that devices sent: those that this broker makes are not among them. */
  readonly fromDevices: Record<Outcome, number>;
  /** Refused logins and provisioning requests, by closed reason words. */
  readonly refusals: Map<string, number>;
  readonly provisioned: Map<string, number>;
  connects: number;
  takeOvers: number;
  downlinks: number;
  downlinksDropped: number;
}

export function createMessageCounters(): MessageCounters {
  return {
    received: 0,
    inFlight: 0,
    outcomes: noOutcomes(),
    fromDevices: noOutcomes(),
    refusals: new Map(),
    provisioned: new Map(),
    connects: 0,
    takeOvers: 0,
    downlinks: 0,
    downlinksDropped: 0,
  };
}

const noOutcomes = (): Record<Outcome, number> => ({ processed: 0, 'dead-lettered': 0, 'rate-limited': 0, refused: 0 });

/** Counts a message of a device that ends before it reaches a chain. */
export function countEnded(counters: MessageCounters, outcome: Outcome): void {
  counters.received++;
  counters.outcomes[outcome]++;
  counters.fromDevices[outcome]++;
}

export function bump(map: Map<string, number>, word: string): void {
  map.set(word, (map.get(word) ?? 0) + 1);
}
