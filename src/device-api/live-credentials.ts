import type { Clock } from '../model/clock.ts';
import { type Device, isBarred } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { LiveSession, Sessions } from './sessions.ts';

/** Node's timers take no more, ms. */
const MAX_DELAY_MS = 2_147_483_647;

export interface LiveCredentialsParts {
  readonly registry: Pick<Registry, 'credentialsEnd' | 'device'>;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Log;
}

/** Ends a live session when the credentials it logged in with end: revoked, replaced or expired. */
export class LiveCredentials {
  readonly #parts: LiveCredentialsParts;
  /** By the very object that the login gave. */
  readonly #usedBy = new WeakMap<Device, string>();
  readonly #timers = new Map<LiveSession, NodeJS.Timeout>();

  constructor(parts: LiveCredentialsParts) {
    this.#parts = parts;
  }

  /** @param credentials index of those that matched. */
  used(device: Device, credentials: string): void {
    this.#usedBy.set(device, credentials);
  }

  /** Also what changed between the login and now counts. */
  opened(session: LiveSession): void {
    void this.#check(session);
  }

  closed(session: LiveSession): void {
    clearTimeout(this.#timers.get(session));
    this.#timers.delete(session);
  }

  /** The credentials of the device have changed: its session ends when it used those that are gone. */
  changed(id: DeviceId): Promise<void> {
    const { sessions } = this.#parts;
    const session = sessions.get(id);
    if (session && this.#usedBy.has(session.device)) return this.#check(session);
    sessions.end(id, 'credentials-changed'); // a sub-device's ignores this
    return Promise.resolve();
  }

  async #check(session: LiveSession): Promise<void> {
    const { registry, sessions, clock, log } = this.#parts;
    const { id } = session.device;
    const credentials = this.#usedBy.get(session.device);
    try {
      if (credentials === undefined) {
        // A sub-device: its gateway logged in, and it may have been disabled meanwhile.
        const device = await registry.device(id);
        if (device && isBarred(device) && sessions.get(id) === session) sessions.end(id, 'device-disabled');
        return;
      }
      const end = await registry.credentialsEnd(id, credentials);
      if (sessions.get(id) !== session) return;
      this.closed(session);
      if (end === undefined) return;
      if (end === 'gone') {
        log.info({ event: 'session.credentials-ended', device: id }, 'session ended with its credentials');
        sessions.end(id, 'credentials-changed');
        return;
      }
      const delay = Math.min(Math.max(end - clock.now(), 0) + 1, MAX_DELAY_MS);
      this.#timers.set(session, setTimeout(() => void this.#check(session), delay).unref());
    } catch (error) {
      log.error({ event: 'session.credentials', device: id, err: error }, 'credentials could not be checked');
      sessions.end(id, 'credentials-changed'); // unknown is not valid; the device comes back when the store does
    }
  }
}
