import type { DeviceId } from '../../model/ids.ts';
import type { RunId } from '../bus.ts';

/** All in the slot of the registry, so that one step may touch several of them on a Redis Cluster. */
const tagged = (name: string): string => `{gm}:${name}`;

export const KEYS = {
  /** Hash: run -> what it tells of itself, JSON. */
  instances: tagged('instances'),
  /** Sorted set of runs, scored by their last sign of life, ms by the clock of Redis. */
  beats: tagged('beats'),
  /** Text: the run that leads; expires soon after its last heartbeat. */
  leader: tagged('leader'),
  /** Text: whose turn it is to do what two must not do at once; expires if it does not say that it is done. */
  turn: tagged('turn'),
  /** Stream that every instance reads; expires when none is left. */
  toAll: tagged('bus'),
  /** Hash: device -> run, epoch, number of the claim, former run and its epoch, with spaces between. */
  sessions: tagged('sessions'),
  /** Sorted set: run, NUL, device. */
  sessionsByRun: tagged('sessions-by-run'),
} as const;

/** Stream: what is for one run; expires soon after its last heartbeat. */
export const inboxKey = (run: RunId): string => tagged(`bus:${run}`);
/** Set of runs that hold calls for the device; expires with the last of them. */
export const callersKey = (device: DeviceId): string => tagged(`callers:${device}`);
