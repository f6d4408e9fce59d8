/**
 * The session that a write came from. A store that many instances share knows which sessions of a device may write: a write of an
 * older one changes nothing, and its mark becomes `stale`; the promise of the write resolves all the same.
 */
export interface SessionMark {
  readonly device: string;
  /** Of its claim; read when the write leaves. */
  readonly epoch: number;
  /** A write of it was refused. */
  readonly stale: boolean;
  /** Called by the store. */
  refuse(): void;
}
