import type { RunId } from './bus.ts';

/** What an instance tells of itself. */
export interface InstanceFacts {
  readonly id: string;
  /** Grows with each start: its wall time, ms. */
  readonly epoch: number;
  readonly startedAt: number;
  readonly version: string;
  /** Bound listeners, such as `mqtt` -> `10.0.0.7:1883`. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly draining: boolean;
  readonly sessions: number;
}

export interface InstanceInfo extends InstanceFacts {
  readonly run: RunId;
  /** Since its last sign of life, ms. */
  readonly silentMs: number;
}

/** The instances of one system, kept by heartbeats. */
export interface Instances {
  readonly self: RunId;
  /** All that have given a sign of life and are not taken out yet, this one among them; ordered by epoch. */
  list(): Promise<readonly InstanceInfo[]>;
  /** Others that live, as of the last heartbeat. */
  readonly others: readonly InstanceInfo[];
  /** False once a run has been silent for long, has left, or has not answered what it must answer. */
  isLive(run: RunId): boolean;
  /** It did not answer in time: it counts as gone until its next heartbeat. */
  suspect(run: RunId): void;
  /** Takes a run out that is dead; one that lives comes back by itself. */
  forget(run: RunId): Promise<void>;
  /** True in at most one instance: it does what must be done once for all. */
  readonly leads: boolean;
  /** Runs work while no instance does; waits for at most `ms` for its turn, and no longer keeps it. Throws DEADLINE_EXCEEDED. */
  inTurn<T>(work: () => Promise<T>, ms: number): Promise<T>;
  onJoined(listener: (run: RunId) => void): void;
  /** Called in every instance when a run is silent for too long, and again while it stays listed. */
  onGone(listener: (run: RunId) => void): void;
  /** This instance had been taken out, as if dead, or its registry was lost: it is in again, and its sessions need a look. */
  onReturned(listener: () => void): void;
  /** Takes this instance out. */
  close(): Promise<void>;
}
