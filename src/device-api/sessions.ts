import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { LongPolls } from './long-polls.ts';

/** Why the broker ends a connection; each front has its own code for it. */
export type CloseReason =
  | 'taken-over'
  | 'credentials-changed'
  | 'device-deleted'
  | 'device-disabled'
  | 'shutting-down'
  | 'refused-by-store'
  | 'rate-limited';

/** Something for the device, free of any protocol. `text` is JSON. */
export interface Downlink {
  /** A reply goes out always, shared attributes only when the device subscribed to them. */
  readonly kind: 'shared-attributes' | 'reply';
  readonly text: string;
  /** Keys that were removed, when that is what `text` says. */
  readonly deleted?: readonly string[];
}

/** A live connection as a front offers it. */
export interface DeviceLink {
  /** False when the device does not read: the downlink was dropped. */
  send(downlink: Downlink): boolean;
  close(reason: CloseReason): void;
  /** Set for a sub-device, whose messages take its gateway's connection. */
  readonly isSubDevice?: true;
  /** True when that reason is none to end this connection. */
  ignores?(reason: CloseReason): boolean;
}

export interface LiveSession {
  readonly device: Device;
  readonly link: DeviceLink;
  /** Wall time of the connect, ms. */
  readonly since: number;
}

/** How many sessions are open. A gateway is one connection, whatever it has behind it. */
export interface OpenSessions {
  readonly connections: number;
  readonly subDevices: number;
}

/** One session per device, the newest wins, whatever its client id (design.md 5.1). */
export class Sessions {
  readonly #byDevice = new Map<DeviceId, LiveSession>();
  readonly #polls: LongPolls | undefined;
  readonly #elsewhere: ((id: DeviceId, downlink: Downlink) => void) | undefined;

  /** @param polls hear of shared attributes too. @param elsewhere takes to other instances what is for a device without a session here. */
  constructor(polls?: LongPolls, elsewhere?: (id: DeviceId, downlink: Downlink) => void) {
    this.#polls = polls;
    this.#elsewhere = elsewhere;
  }

  /** Registers the session; a former one of the device is closed first. Gives whether there was one. */
  open(session: LiveSession): boolean {
    const former = this.#byDevice.get(session.device.id);
    this.#byDevice.set(session.device.id, session);
    former?.link.close('taken-over');
    return former !== undefined;
  }

  /** Forgets the session, unless a newer one has taken its place. */
  closed(session: LiveSession): void {
    if (this.#byDevice.get(session.device.id) === session) this.#byDevice.delete(session.device.id);
  }

  /** Shared attributes for the device's live connection and for the requests that wait for them, wherever they are. */
  push(id: DeviceId, downlink: Downlink): void {
    this.pushHere(id, downlink);
    if (!this.#byDevice.has(id)) this.#elsewhere?.(id, downlink);
  }

  /** The same for this instance alone. */
  pushHere(id: DeviceId, downlink: Downlink): void {
    this.#byDevice.get(id)?.link.send(downlink);
    this.#polls?.push(id, 'shared-attributes', downlink.text);
  }

  get(id: DeviceId): LiveSession | undefined {
    return this.#byDevice.get(id);
  }

  /** Ends the device's session, when it has one. */
  end(id: DeviceId, reason: CloseReason): void {
    const session = this.#byDevice.get(id);
    if (session?.link.ignores?.(reason)) return;
    this.#byDevice.delete(id);
    session?.link.close(reason);
  }

  /** Those of this instance, by the names of their devices' profiles. */
  byProfile(): ReadonlyMap<string, OpenSessions> {
    const counts = new Map<string, { connections: number; subDevices: number }>();
    for (const { device, link } of this.#byDevice.values()) {
      const one = counts.get(device.profile) ?? { connections: 0, subDevices: 0 };
      one[link.isSubDevice ? 'subDevices' : 'connections']++;
      counts.set(device.profile, one);
    }
    return counts;
  }

  get size(): number {
    return this.#byDevice.size;
  }
}
