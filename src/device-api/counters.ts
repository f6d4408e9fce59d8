import type { Msg } from '../model/msg.ts';

/** How an accepted message may end; exactly one of these for each (design.md 5.5). */
export const OUTCOMES = ['processed', 'dead-lettered', 'rate-limited', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What a message of a device holds. */
export const MESSAGE_KINDS = ['telemetry', 'attributes', 'events', 'calls', 'other'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** What the devices of one profile send and are sent, and how often they connect. */
export interface ProfileCounters {
  readonly up: Readonly<Record<MessageKind, Record<Outcome, number>>>;
  connects: number;
  /** Of sub-devices, by way of their gateways. */
  subDeviceConnects: number;
  downlinks: number;
  downlinksDropped: number;
}

/**
 * Plain integers that the message path bumps and the metrics room reads: received = the four outcomes + in flight, always.
 */
export interface MessageCounters {
  received: number;
  inFlight: number;
  readonly outcomes: Record<Outcome, number>;
  /** Of devices, by the names of their profiles; messages that this broker makes are not among them. */
  readonly profiles: Map<string, ProfileCounters>;
  /** Refused logins and provisioning requests, by closed reason words. */
  readonly refusals: Map<string, number>;
  readonly provisioned: Map<string, number>;
  takeOvers: number;
  /** Dead letters, the oldest, that had to go for newer ones. */
  lettersForgotten: number;
}

export function createMessageCounters(): MessageCounters {
  return {
    received: 0,
    inFlight: 0,
    outcomes: noOutcomes(),
    profiles: new Map(),
    refusals: new Map(),
    provisioned: new Map(),
    takeOvers: 0,
    lettersForgotten: 0,
  };
}

const noOutcomes = (): Record<Outcome, number> => ({ processed: 0, 'dead-lettered': 0, 'rate-limited': 0, refused: 0 });

const noProfileCounters = (): ProfileCounters => ({
  up: {
    telemetry: noOutcomes(),
    attributes: noOutcomes(),
    events: noOutcomes(),
    calls: noOutcomes(),
    other: noOutcomes(),
  },
  connects: 0,
  subDeviceConnects: 0,
  downlinks: 0,
  downlinksDropped: 0,
});

/** Profiles that are counted each on its own; those beyond count together, under the empty name. */
const MAX_PROFILES = 200;

/** The counters of a profile; the empty name is for who has none. */
export function countersOf({ profiles }: Pick<MessageCounters, 'profiles'>, profile: string): ProfileCounters {
  const known = profiles.get(profile);
  if (known) return known;
  if (profile !== '' && profiles.size > MAX_PROFILES) return countersOf({ profiles }, '');
  const fresh = noProfileCounters();
  profiles.set(profile, fresh);
  return fresh;
}

/** What all profiles come to. */
export function sumOfProfiles({ profiles }: MessageCounters): ProfileCounters {
  const sum = noProfileCounters();
  for (const { up, ...one } of profiles.values()) {
    for (const kind of MESSAGE_KINDS) for (const outcome of OUTCOMES) sum.up[kind][outcome] += up[kind][outcome];
    sum.connects += one.connects;
    sum.subDeviceConnects += one.subDeviceConnects;
    sum.downlinks += one.downlinks;
    sum.downlinksDropped += one.downlinksDropped;
  }
  return sum;
}

/** Counts a message of a device that ends before it reaches a chain. */
export function countEnded(counters: MessageCounters, outcome: Outcome, profile: string, kind: MessageKind): void {
  counters.received++;
  counters.outcomes[outcome]++;
  countersOf(counters, profile).up[kind][outcome]++;
}

/** Counts what became of a message of a device in the chains. */
export function countFromDevice(
  counters: MessageCounters,
  outcome: Outcome,
  { type, originator }: Pick<Msg, 'type' | 'originator'>,
): void {
  countersOf(counters, originator.profile).up[messageKind(type)][outcome]++;
}

/** What a message holds, by its type; types of their own are events. */
function messageKind(type: string): MessageKind {
  if (type === 'POST_TELEMETRY_REQUEST') return 'telemetry';
  if (type === 'POST_ATTRIBUTES_REQUEST') return 'attributes';
  return type === 'TO_SERVER_RPC_REQUEST' ? 'calls' : 'events';
}

export function bump(map: Map<string, number>, word: string): void {
  map.set(word, (map.get(word) ?? 0) + 1);
}
