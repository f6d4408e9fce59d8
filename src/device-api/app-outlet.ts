import type { Publication } from '../model/publication.ts';

/** A publication on its way to app clients; one of `send` and `drop` must be called. */
export interface HandedPublication {
  /** Must be durable before `send`; undefined when nothing of it has to be. */
  readonly stored: Promise<void> | undefined;
  /** What it belongs to is durable: it may be told. Resolves when it is, or waits in the store for the next try. */
  send(): Promise<void>;
  drop(): void;
}

/** Where chains publish to app clients. */
export interface AppOutlet {
  /** Undefined when too many wait. */
  hand(publication: Publication): HandedPublication | undefined;
}
