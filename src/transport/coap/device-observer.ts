import {
  type CallToDevice,
  type CloseReason,
  type Device,
  type DeviceApi,
  type DeviceLink,
  type DeviceProfile,
  type Downlink,
  encodeAttributesUpdate,
  encodeCall,
  formatCallWithId,
  misfitAnswer,
  type OpenSession,
  sendsProtobuf,
} from '../../device-api/index.ts';
import { type Answer, bytesBody, FORMATS, jsonBody } from './answer.ts';
import { CODES } from './codec.ts';
import { Observation, type ObservationParts } from './observation.ts';
import type { CoapRequest } from './request.ts';
import { CLOSE_CODES } from './wire-errors.ts';

/** What a device may observe. */
export type Observed = 'attributes' | 'rpc';

/** The observations of one device: together they are its session, as a connection is over MQTT. */
export class DeviceObserver implements DeviceLink {
  readonly device: Device;
  readonly #api: DeviceApi;
  readonly #parts: ObservationParts;
  readonly #ended: () => void;
  readonly #watches = new Map<Observed, Observation>();
  #profile: DeviceProfile;
  #session: OpenSession | undefined;
  #unlisten: (() => void) | undefined;
  #closed = false;

  /** @param ended called once when the last observation has ended. */
  constructor(
    { device, profile }: { readonly device: Device; readonly profile: DeviceProfile },
    api: DeviceApi,
    parts: ObservationParts,
    ended: () => void,
  ) {
    this.device = device;
    this.#profile = profile;
    this.#api = api;
    this.#parts = parts;
    this.#ended = ended;
  }

  /** Opens the session. A former one of the device, over whatever front, ends. */
  open(): void {
    this.#session = this.#api.openSession(this.device, this);
    if (this.#closed) this.#session.close();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Registers, in place of a former observation of the same thing (RFC 7641 4.1). Nothing is pushed before its first answer. */
  watch(what: Observed, request: CoapRequest): Observation {
    this.#watches.get(what)?.end();
    const observation = new Observation(this.#parts, request, () => this.#drop(what, observation));
    this.#watches.set(what, observation);
    if (what === 'rpc') {
      this.#unlisten?.();
      this.#unlisten = this.#api.rpc.listen(this.device.id, {
        send: (call, acknowledged) => this.#call(observation, call, acknowledged),
        close: () => this.close('rate-limited'),
      });
    }
    return observation;
  }

  /** Ends an observation that its peer, or its failed registration, gives up. */
  unwatch(what: Observed, peerKey: string): void {
    const observation = this.#watches.get(what);
    if (observation?.peer.key !== peerKey) return;
    observation.end();
    this.#drop(what, observation);
  }

  send(downlink: Downlink): boolean {
    const observation = this.#watches.get('attributes');
    if (!observation) return true;
    const profile = this.#currentProfile();
    const protobuf = sendsProtobuf('profile', false, profile);
    const body = protobuf
      ? bytesBody(encodeAttributesUpdate(downlink, Date.now()), FORMATS.bytes)
      : jsonBody(downlink.text);
    return observation.notify({ code: CODES.content, body }, (taken) => taken && this.#session?.seen());
  }

  close(reason: CloseReason): void {
    if (this.#closed) return;
    for (const [what, observation] of [...this.#watches]) {
      observation.end(CLOSE_CODES[reason]);
      this.#drop(what, observation);
    }
    this.#finish();
  }

  #call(
    observation: Observation,
    call: CallToDevice,
    acknowledged: (taken: boolean) => void,
  ): 'delivered' | 'sent' | 'refused' {
    const profile = this.#currentProfile();
    const body = sendsProtobuf('profile', false, profile) ? encodeCall(call, profile) : undefined;
    if (body?.ok === false) {
      // It never reaches the device: its caller hears why, once it waits.
      const answer = misfitAnswer(body.problem);
      setImmediate(() => this.#api.rpc.answer(this.device.id, call.id, answer).catch(() => {}));
      return 'delivered';
    }
    const answer: Answer = {
      code: CODES.content,
      body: body ? bytesBody(body.value, FORMATS.bytes) : jsonBody(formatCallWithId(call)),
    };
    const taken = observation.notify(answer, (heard) => {
      if (heard) this.#session?.seen();
      acknowledged(heard);
    });
    return taken ? 'sent' : 'refused';
  }

  #drop(what: Observed, observation: Observation): void {
    if (this.#watches.get(what) !== observation) return;
    this.#watches.delete(what);
    if (what === 'rpc') {
      this.#unlisten?.();
      this.#unlisten = undefined;
    }
    if (this.#watches.size === 0) this.#finish();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#session?.close();
    this.#ended();
  }

  /** A changed profile holds for live sessions too; one whose file is gone keeps its last form. */
  #currentProfile(): DeviceProfile {
    this.#profile = this.#api.profile(this.device.profile) ?? this.#profile;
    return this.#profile;
  }
}
