import type { Client } from 'aedes';
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import type { DeviceApi, LoginResult } from '../../device-api/index.ts';
import { type Channel, createChannel } from '../../dialects/index.ts';
import { finishPublish, type PublishDone, Subscriptions, sendTo } from './connection.ts';
import { THING_VERDICTS } from './thing-connection.ts';

/** The connection of a back end on a product's integration channel: it belongs to no device, and may have many of its kind. */
export class ChannelConnection {
  readonly #client: Client;
  readonly #productKey: string;
  readonly #channel: Channel;
  readonly #subscriptions = new Subscriptions();

  constructor(client: Client, api: DeviceApi, login: Extract<LoginResult, { kind: 'channel' }>) {
    const { productKey } = login;
    this.#client = client;
    this.#productKey = productKey;
    this.#channel = createChannel({
      api,
      productKey,
      profile: () => api.profile(login.profile.name),
      send: (topic, payload) => {
        const qos = this.#subscriptions.qosFor(topic);
        const wanted = qos !== undefined || api.profile(login.profile.name)?.thing?.pushWithoutSubscription !== false;
        return !wanted || sendTo(client, topic, payload, qos ?? 0);
      },
    });
  }

  ready(): void {}

  seen(): void {}

  closed(): void {}

  acknowledged(): void {}

  subscribe(packet: ISubscribePacket): Packet {
    const own = `/sys/${this.#productKey}/integration/`;
    return this.#subscriptions.subscribe(packet, this.#client.version, (filter) => filter.startsWith(own));
  }

  unsubscribe(packet: IUnsubscribePacket): Packet {
    return this.#subscriptions.unsubscribe(packet);
  }

  publish(packet: IPublishPacket, done: PublishDone): void {
    this.#channel.publish(packet.topic, packet.payload as Buffer, (verdict) =>
      finishPublish(this.#client, packet, THING_VERDICTS[verdict], done),
    );
  }
}
