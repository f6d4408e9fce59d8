import type { Client } from 'aedes';
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import type { LoginResult } from '../../device-api/index.ts';
import { disconnectClient } from './aedes-private.ts';
import { finishPublish, type PublishDone, Subscriptions } from './connection.ts';
import { reasonCodes } from './reason-codes.ts';

/** Time to store what came, acknowledge it and go, ms. */
const STAY_MS = 60_000;

/**
 * A connection that signed with its product's secret. Its answer went out right behind the CONNACK, in the same write
 * (registration-protocols 1.2); all it may do besides is to confirm that.
 */
export class IssueSession {
  readonly #client: Client;
  readonly #push: { readonly topic: string; readonly text: string };
  readonly #subscriptions = new Subscriptions();
  readonly #timer: NodeJS.Timeout;

  constructor(client: Client, { push }: Extract<LoginResult, { kind: 'issued' }>) {
    this.#client = client;
    this.#push = push;
    this.#timer = setTimeout(() => disconnectClient(client, reasonCodes.administrativeAction), STAY_MS).unref();
  }

  welcome(): IPublishPacket {
    const { topic, text: payload } = this.#push;
    return { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false };
  }

  ready(): void {}

  seen(): void {}

  acknowledged(): void {}

  closed(): void {
    clearTimeout(this.#timer);
  }

  subscribe(packet: ISubscribePacket): Packet {
    return this.#subscriptions.subscribe(packet, this.#client.version, (filter) => filter === this.#push.topic);
  }

  unsubscribe(packet: IUnsubscribePacket): Packet {
    return this.#subscriptions.unsubscribe(packet);
  }

  publish(packet: IPublishPacket, done: PublishDone): void {
    const confirmed = packet.topic === `${this.#push.topic}_reply`;
    const refused = { kind: 'nack-and-close', code: reasonCodes.topicNameInvalid } as const;
    finishPublish(this.#client, packet, confirmed ? { kind: 'ack' } : refused, done);
  }
}
