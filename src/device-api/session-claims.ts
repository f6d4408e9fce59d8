import type { Bus, BusMessage, RunId } from '../cluster/bus.ts';
import type { Instances } from '../cluster/instances.ts';
import type { SessionRegistry } from '../cluster/session-registry.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { SessionMark } from '../storage/session-mark.ts';
import type { LiveSession, Sessions } from './sessions.ts';

/** A login that has the device's session, or is about to; the mark of what it writes. */
class Claim implements SessionMark {
  readonly device: DeviceId;
  epoch: number;
  /** A newer claim of another instance has come. */
  lost = false;
  stale = false;
  /** Gives the claim back when no session opens. */
  timer: NodeJS.Timeout | undefined;
  readonly #onStale: (claim: Claim) => void;

  constructor(device: DeviceId, epoch: number, onStale: (claim: Claim) => void) {
    this.device = device;
    this.epoch = epoch;
    this.#onStale = onStale;
  }

  refuse(): void {
    if (this.stale) return;
    this.stale = true;
    this.lost = true;
    this.#onStale(this);
  }
}

export interface SessionClaimsParts {
  readonly registry: SessionRegistry;
  readonly bus: Bus;
  readonly instances: Pick<Instances, 'isLive' | 'suspect'>;
  readonly sessions: Sessions;
  /** Resolves when everything that the device has sent here has its outcome. */
  readonly settled: (id: DeviceId) => Promise<void>;
  /** The device has come here. */
  readonly onClaimed: (id: DeviceId) => void;
  readonly log: Log;
}

/** A login without a session for so long has been given up, ms. */
const PENDING_MS = 30_000;
/** An instance that does not even say that it has heard of a claim counts as gone, ms. */
const HEARD_MS = 1_000;
/** It gets so long to end its session and what that has sent, ms. */
const KICKED_MS = 5_000;

/**
 * One session per device in all instances: a login claims the device, and goes on once the instance that had it before has
 * ended its session and everything it has sent. Alone, nothing is claimed and nothing is kept.
 */
export class SessionClaims {
  readonly #parts: SessionClaimsParts;
  /** By the very object that the login gave. */
  readonly #byLogin = new WeakMap<Device, Claim>();
  readonly #held = new Map<DeviceId, Set<Claim>>();
  /**
   * Of the oldest session here whose writes the store still takes. What came before a newer login at the same instance is written
   * before what comes after, so that it need not be refused, also after its session has ended.
   */
  readonly #oldest = new Map<DeviceId, { readonly epoch: number }>();
  /** Claims on their way, each with the newest kick that has come meanwhile. */
  readonly #claiming = new Map<DeviceId, { kick: number; last: Promise<unknown> }>();
  readonly #kicks = new Map<string, (end: 'kick-heard' | 'kicked') => void>();
  readonly #releases = new Set<Promise<unknown>>();

  constructor(parts: SessionClaimsParts) {
    this.#parts = parts;
    parts.bus.subscribe((message, from) => this.#hear(message, from));
  }

  /** False: there are no other instances, and there is nothing to claim. */
  get shared(): boolean {
    return this.#parts.registry.shared;
  }

  /** Resolves when the session may open; false: a newer login of the device has come elsewhere. Rejects with STORE_UNAVAILABLE. */
  async claim(device: Device): Promise<boolean> {
    const { id } = device;
    const entry = this.#claiming.get(id) ?? { kick: 0, last: Promise.resolve() };
    this.#claiming.set(id, entry);
    const mine = entry.last.then(() => this.#claim(device, entry));
    const last = mine.catch(() => undefined);
    entry.last = last;
    try {
      return await mine;
    } finally {
      if (entry.last === last) this.#claiming.delete(id);
    }
  }

  /** For what the session of that login writes; undefined when there are no other instances, or it is no login of a session. */
  markOf(device: Device): SessionMark | undefined {
    return this.#byLogin.get(device);
  }

  /** False: the session must not open, since a newer one has. */
  opened(session: LiveSession): boolean {
    const claim = this.#byLogin.get(session.device);
    if (claim === undefined) return true;
    clearTimeout(claim.timer);
    return !claim.lost;
  }

  /** The session has ended. Resolves with whether the device has gone with it, and not to another instance. */
  closed(session: LiveSession): Promise<boolean> | boolean {
    const claim = this.#byLogin.get(session.device);
    if (claim === undefined) return true;
    if (claim.lost) {
      this.#drop(claim);
      return false;
    }
    return this.#giveBack(claim);
  }

  /** A login that opens no session. */
  abandon(device: Device): void {
    const claim = this.#byLogin.get(device);
    if (claim) void this.#giveBack(claim);
  }

  /** Looks whether all claims still stand, after messages or the registry may have been lost. Gives those written anew. */
  async confirm(): Promise<readonly DeviceId[]> {
    const { registry, sessions } = this.#parts;
    const claims = [...this.#held].map(([device, all]) => ({ device, epoch: newest(all) }));
    const { lost, restored } = await registry.confirm(claims);
    for (const device of lost) {
      for (const claim of this.#held.get(device) ?? []) claim.lost = true;
      sessions.end(device, 'taken-over');
    }
    return restored;
  }

  /** Resolves when every claim that was given back has gone. */
  async settled(): Promise<void> {
    await Promise.all(this.#releases);
  }

  async #claim(device: Device, entry: { kick: number }): Promise<boolean> {
    const { registry, instances } = this.#parts;
    const { id } = device;
    const { epoch, former } = await registry.claim(id);
    const claim = new Claim(id, epoch, (stale) => this.#ended(stale));
    claim.lost = entry.kick > epoch;
    claim.timer = setTimeout(() => void this.#giveBack(claim), PENDING_MS);
    claim.timer.unref();
    this.#byLogin.set(device, claim);
    const held = this.#held.get(id) ?? new Set();
    this.#held.set(id, held.add(claim));
    if (former && instances.isLive(former.run)) await this.#kick(former.run, id, epoch);
    else if (former) this.#tellTheDead(former.run, id, epoch);
    if (!claim.lost) await this.#fence(claim);
    if (claim.lost) this.#drop(claim);
    else this.#parts.onClaimed(id);
    return !claim.lost;
  }

  /** Before the session writes, no older one may any more: the instance that has it may be cut off, and come back. */
  async #fence(claim: Claim): Promise<void> {
    const { device, epoch } = claim;
    const fence = await this.#parts.registry.fence(device, epoch, this.#oldest.get(device)?.epoch);
    if (fence === undefined) {
      claim.lost = true;
      return;
    }
    claim.epoch = fence.epoch;
    if (this.#held.has(device)) this.#oldest.set(device, { epoch: fence.oldest });
  }

  /** A write was refused: the device is at another instance, which could not tell. */
  #ended(claim: Claim): void {
    const { sessions, log } = this.#parts;
    log.warn({ event: 'session.stale', device: claim.device }, 'a write of a session that has moved was refused');
    const session = sessions.get(claim.device);
    if (session && this.#byLogin.get(session.device) === claim) sessions.end(claim.device, 'taken-over');
  }

  /** It hears when it comes back. Nobody waits for its answer: after the end of a run that is one for each of its devices. */
  #tellTheDead(run: RunId, device: DeviceId, epoch: number): void {
    this.#parts.bus.publish(run, { type: 'kick', device, epoch }).catch(() => undefined);
  }

  /** Resolves when that run has ended its session, or does not answer. */
  #kick(run: RunId, device: DeviceId, epoch: number): Promise<void> {
    const { bus, instances, log } = this.#parts;
    const key = `${device} ${epoch}`;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#kicks.delete(key);
        resolve();
      };
      const late = (): void => {
        log.warn({ event: 'session.no-answer', device, run }, 'an instance did not say that it has ended a session');
        done();
      };
      const unheard = (): void => {
        // One line for all of its devices.
        if (instances.isLive(run)) log.warn({ event: 'session.unheard', run }, 'an instance does not answer logins');
        instances.suspect(run);
        done();
      };
      let timer = setTimeout(unheard, HEARD_MS);
      this.#kicks.set(key, (answer) => {
        if (answer === 'kicked') return done();
        clearTimeout(timer);
        timer = setTimeout(late, KICKED_MS);
      });
      bus.publish(run, { type: 'kick', device, epoch }).catch((error: unknown) => {
        done();
        reject(error);
      });
    });
  }

  #hear(message: BusMessage, from: RunId): void {
    const { type } = message;
    if (type === 'kick') void this.#leave(message, from);
    else if (type === 'kick-heard' || type === 'kicked') this.#kicks.get(`${message.device} ${message.epoch}`)?.(type);
  }

  async #leave({ device, epoch }: { device: DeviceId; epoch: number }, from: RunId): Promise<void> {
    const { bus, sessions, settled, log } = this.#parts;
    const claiming = this.#claiming.get(device);
    if (claiming) claiming.kick = Math.max(claiming.kick, epoch);
    const older = [...(this.#held.get(device) ?? [])].filter((claim) => claim.epoch < epoch);
    for (const claim of older) claim.lost = true;
    const session = sessions.get(device);
    if (session && this.#byLogin.get(session.device)?.lost) sessions.end(device, 'taken-over');
    try {
      const heard = bus.publish(from, { type: 'kick-heard', device, epoch });
      await Promise.all([heard, settled(device)]);
      await bus.publish(from, { type: 'kicked', device, epoch });
    } catch (error) {
      log.warn({ event: 'session.not-told', device, err: error }, 'an instance does not know that a session has ended');
    }
  }

  #drop(claim: Claim): boolean {
    clearTimeout(claim.timer);
    const held = this.#held.get(claim.device);
    if (!held?.delete(claim)) return false;
    if (held.size === 0) {
      this.#held.delete(claim.device);
      void this.#forget(claim.device);
    }
    return true;
  }

  /** Once everything is written that the device has sent here. */
  async #forget(device: DeviceId): Promise<void> {
    const oldest = this.#oldest.get(device);
    await this.#parts.settled(device);
    // A session that has come and gone meanwhile may have sent more.
    if (!this.#held.has(device) && this.#oldest.get(device) === oldest) this.#oldest.delete(device);
  }

  /** The registry forgets the device with the last claim of this instance. */
  #giveBack(claim: Claim): Promise<boolean> | boolean {
    const { registry, log } = this.#parts;
    const { device } = claim;
    const held = this.#held.get(device);
    const epoch = held === undefined ? claim.epoch : newest(held);
    if (!this.#drop(claim)) return true;
    if (this.#held.has(device) || this.#claiming.has(device)) return true;
    const released = registry.release(device, epoch).catch((error: unknown) => {
      // It will be taken for a session of an instance that has ended, once this one has.
      log.warn({ event: 'session.not-released', device, err: error }, 'the end of a session is not noted');
      return true;
    });
    this.#releases.add(released);
    void released.then(() => this.#releases.delete(released));
    return released;
  }
}

const newest = (claims: Iterable<Claim>): number => Math.max(...[...claims].map(({ epoch }) => epoch));
