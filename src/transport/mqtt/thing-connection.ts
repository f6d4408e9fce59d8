import type { Client } from 'aedes';
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import type {
  CloseReason,
  DeviceApi,
  DeviceLink,
  DeviceProfile,
  Downlink,
  LoginResult,
  OpenSession,
  Presence,
  ThingIdentity,
} from '../../device-api/index.ts';
import { createThingSession, type ThingSession, type ThingVerdict } from '../../dialects/index.ts';
import { disconnectClient } from './aedes-private.ts';
import { finishPublish, type PublishDone, type PublishVerdict, Subscriptions, sendTo } from './connection.ts';
import { reasonCodes } from './reason-codes.ts';
import { CLOSE_CODES } from './wire-errors.ts';

export const THING_VERDICTS = {
  done: { kind: 'ack' },
  'unknown-topic': { kind: 'nack', code: reasonCodes.topicNameInvalid, v3: 'ack', qos0: 'ignore' },
  close: { kind: 'close', code: reasonCodes.implementationSpecific },
} as const satisfies Record<ThingVerdict, PublishVerdict>;

export type ThingLogin = Extract<LoginResult, { kind: 'device' }> & { readonly thing: ThingIdentity };

/** A connection of one device that signed its login: the dialect's session has its topics, here are the packets. */
export class ThingConnection implements DeviceLink {
  readonly #client: Client;
  readonly #api: DeviceApi;
  readonly #login: ThingLogin;
  readonly #presence: Presence;
  readonly #thing: ThingSession;
  readonly #subscriptions = new Subscriptions();
  #lastProfile: DeviceProfile;
  #session: OpenSession | undefined;

  constructor(client: Client, api: DeviceApi, login: ThingLogin) {
    const { device, thing } = login;
    this.#client = client;
    this.#api = api;
    this.#login = login;
    this.#lastProfile = login.profile;
    this.#presence = api.presence(device); // before aedes closes the connection that this one takes over from
    const send = (topic: string, payload: string | Buffer): boolean => {
      const qos = this.#subscriptions.qosFor(topic);
      if (qos !== undefined || thing.subscribesAll || this.#profile().thing?.pushWithoutSubscription !== false) {
        return sendTo(client, topic, payload, qos ?? 0);
      }
      api.countDownlink(false);
      return true; // the device reads, and asked for nothing of it
    };
    this.#thing = createThingSession({ api, device, thing, profile: () => this.#profile(), send });
  }

  ready(): void {
    this.#session = this.#api.openSession(this.#login.device, this, this.#presence);
    this.#thing.opened();
  }

  closed(): void {
    if (this.#session) this.#session.close();
    else {
      this.#presence.closed();
      this.#api.abandon(this.#login.device);
    }
    this.#thing.closed();
  }

  seen(): void {
    this.#session?.seen();
  }

  acknowledged(): void {}

  /** Whatever is subscribed, only what is for this device ever comes: nothing is routed by filters. */
  subscribe(packet: ISubscribePacket): Packet {
    return this.#subscriptions.subscribe(packet, this.#client.version, (filter) => this.#thing.mayHave(filter));
  }

  unsubscribe(packet: IUnsubscribePacket): Packet {
    return this.#subscriptions.unsubscribe(packet);
  }

  publish(packet: IPublishPacket, done: PublishDone): void {
    this.#thing.publish(packet.topic, packet.payload as Buffer, (verdict) =>
      finishPublish(this.#client, packet, THING_VERDICTS[verdict], done),
    );
  }

  send(downlink: Downlink): boolean {
    return this.#thing.send(downlink);
  }

  close(reason: CloseReason): void {
    this.#thing.closing(reason);
    disconnectClient(this.#client, CLOSE_CODES[reason]);
  }

  /** A changed profile holds for live sessions too; one whose file is gone keeps its last form. */
  #profile(): DeviceProfile {
    this.#lastProfile = this.#api.profile(this.#login.device.profile) ?? this.#lastProfile;
    return this.#lastProfile;
  }
}
