import type { Device } from '../model/device.ts';
import type { LiveCredentials } from './live-credentials.ts';
import type { Presence } from './presence.ts';
import type { SessionClaims } from './session-claims.ts';
import type { DeviceLink, LiveSession, Sessions } from './sessions.ts';

/** A session as its front holds it. */
export interface OpenSession {
  /** Something came from the device, on whatever topic. */
  seen(): void;
  /** The connection is gone. */
  close(): void;
}

/** One object for each session, for the front and for all who look sessions up. */
export class ConnectedSession implements LiveSession, OpenSession {
  readonly device: Device;
  readonly link: DeviceLink;
  readonly since: number;
  readonly #presence: Presence;
  readonly #parts: ConnectedSessionParts;

  constructor({ device, link, since }: LiveSession, presence: Presence, parts: ConnectedSessionParts) {
    this.device = device;
    this.link = link;
    this.since = since;
    this.#presence = presence;
    this.#parts = parts;
  }

  seen(): void {
    this.#presence.seen();
  }

  close(): void {
    const { sessions, live, claims } = this.#parts;
    sessions.closed(this);
    live.closed(this);
    const gone = claims.closed(this);
    if (gone instanceof Promise) void gone.then((known) => this.#ended(known));
    else this.#ended(gone);
  }

  #ended(gone: boolean): void {
    if (gone) this.#presence.closed();
    else this.#presence.moved();
  }
}

export interface ConnectedSessionParts {
  readonly sessions: Sessions;
  readonly live: LiveCredentials;
  readonly claims: SessionClaims;
}
