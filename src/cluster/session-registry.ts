import type { DeviceId } from '../model/ids.ts';
import type { RunId } from './bus.ts';

/** Who has the session of a device. Of two claims the one with the higher epoch holds. */
export interface SessionClaim {
  readonly epoch: number;
  /** Another run that had it, whose session must end first. */
  readonly former?: { readonly run: RunId; readonly epoch: number };
}

/** What a session may write from now on. */
export interface SessionFence {
  /** Of the claim; a higher one than before when the clock was set back. */
  readonly epoch: number;
  /** Of the oldest session whose writes are still taken. */
  readonly oldest: number;
}

/** A session that was left behind by a run that has ended. */
export interface OrphanedSession {
  readonly device: DeviceId;
  readonly epoch: number;
  readonly former?: { readonly run: RunId; readonly epoch: number };
}

/** Which instance has the session of which device; one for all instances. Errors are STORE_UNAVAILABLE. */
export interface SessionRegistry {
  /** False: this is the only instance there can be, and the methods below do nothing. */
  readonly shared: boolean;
  /** One atomic step: the newest login wins. */
  claim(device: DeviceId): Promise<SessionClaim>;
  /**
   * From now on what older sessions of the device write changes nothing; before this session writes. Undefined: a newer claim has
   * come.
   * @param oldest as the last fence of this instance gave it: while no other instance has fenced the device since, what its former
   *   sessions here have not written yet is still taken.
   */
  fence(device: DeviceId, epoch: number, oldest: number | undefined): Promise<SessionFence | undefined>;
  /** Gives the claim back. False when another run holds the session now. */
  release(device: DeviceId, epoch: number): Promise<boolean>;
  owner(device: DeviceId): Promise<RunId | undefined>;
  /** Claims that must still stand, after messages or data may have been lost: those that another run has taken meanwhile. */
  confirm(claims: readonly { readonly device: DeviceId; readonly epoch: number }[]): Promise<ConfirmedClaims>;
  /** Runs that hold sessions. */
  runs(): Promise<readonly RunId[]>;
  /** Takes at most `limit` sessions of a run that is dead out of the registry, each once; none when the run lives. */
  takeOrphans(dead: RunId, limit: number): Promise<readonly OrphanedSession[]>;
  /** Notes that this run holds a call for the device which it cannot deliver itself. */
  callWaits(device: DeviceId): Promise<void>;
  callsWaitNoMore(device: DeviceId): Promise<void>;
  /** Other runs that hold such calls. */
  callersOf(device: DeviceId): Promise<readonly RunId[]>;
}

export interface ConfirmedClaims {
  readonly lost: readonly DeviceId[];
  /** They had gone from the registry, and stand there again. */
  readonly restored: readonly DeviceId[];
}
