import type { DeviceApi } from '../../device-api/index.ts';
import type { DeviceId } from '../../model/ids.ts';
import { type Answer, plain } from './answer.ts';
import type { Known } from './auth.ts';
import { CODES } from './codec.ts';
import { DeviceObserver, type Observed } from './device-observer.ts';
import type { Observation, ObservationParts } from './observation.ts';
import type { CoapRequest, Peer } from './request.ts';
import { refusalOf } from './wire-errors.ts';

type Login = Extract<Known, { readonly kind: 'device' }>;
type Opened = { readonly observer: DeviceObserver } | { readonly refused: Answer | undefined };

/** Devices that observe (thingsboard-device-api 6.2). Bounded in number. */
export class Observers {
  readonly #api: DeviceApi;
  readonly #parts: ObservationParts;
  readonly #maxDevices: number;
  readonly #byDevice = new Map<DeviceId, Promise<Opened>>();
  readonly #open = new Set<DeviceObserver>();

  constructor(api: DeviceApi, parts: ObservationParts, maxDevices: number) {
    this.#api = api;
    this.#parts = parts;
    this.#maxDevices = maxDevices;
  }

  /**
   * Registers an observation and answers with what `first` gives for it; what comes for the device meanwhile waits.
   * @param first an answer other than 2.xx undoes the registration.
   */
  async register(
    what: Observed,
    login: Login,
    request: CoapRequest,
    first: () => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const opened = await this.#observerOf(login, request.peer);
    if ('refused' in opened) return opened.refused;
    const { observer } = opened;
    // Its last observation ended meanwhile, or a newer session of the device has come.
    if (observer.closed) return plain(CODES.unavailable);
    const observation: Observation = observer.watch(what, request);
    try {
      const answer = await first();
      if (answer.code >> 5 === 2) return observation.first(answer);
      observer.unwatch(what, request.peer.key);
      return answer;
    } catch (error) {
      observer.unwatch(what, request.peer.key);
      throw error;
    }
  }

  async deregister(what: Observed, device: DeviceId, { peer }: CoapRequest): Promise<void> {
    const opened = await this.#byDevice.get(device);
    if (opened && 'observer' in opened) opened.observer.unwatch(what, peer.key);
  }

  /** Observations of all devices. */
  get size(): number {
    let size = 0;
    for (const observer of this.#open) size += observer.size;
    return size;
  }

  close(): void {
    for (const observer of [...this.#open]) observer.close('shutting-down');
  }

  #observerOf(login: Login, peer: Peer): Promise<Opened> {
    const { id } = login.device;
    const known = this.#byDevice.get(id);
    if (known) return known;
    if (this.#byDevice.size >= this.#maxDevices) {
      return Promise.resolve({ refused: plain(CODES.unavailable, 'too many devices observe') });
    }
    const opening = this.#openFor(login, peer);
    this.#byDevice.set(id, opening);
    const forget = (): void => {
      if (this.#byDevice.get(id) === opening) this.#byDevice.delete(id);
    };
    opening.then((opened) => {
      if ('refused' in opened || opened.observer.closed) forget();
    }, forget);
    return opening;
  }

  /** The session belongs to the very device that a login gives: one of the token alone has none. */
  async #openFor({ token, device: { id } }: Login, { address }: Peer): Promise<Opened> {
    const login = await this.#api.login({ clientId: '', userName: token, password: '', address, secure: false });
    if (login.kind === 'refused') return { refused: refusalOf(login.reason) };
    if (login.kind !== 'device') return { refused: plain(CODES.unauthorized) };
    if (login.device.id !== id) {
      this.#api.abandon(login.device);
      return { refused: plain(CODES.unauthorized) };
    }
    const observer: DeviceObserver = new DeviceObserver(login, this.#api, this.#parts, () => {
      this.#open.delete(observer);
      this.#byDevice.delete(id);
    });
    this.#open.add(observer);
    observer.open();
    return { observer };
  }
}
