import type { Client } from 'aedes';
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import {
  type DeviceApi,
  encodeProvisionAnswer,
  type ProvisionReply,
  readProvisionRequest,
} from '../../device-api/index.ts';
import type { Log } from '../../observe/index.ts';
import { disconnectClient } from './aedes-private.ts';
import { finishPublish, type PublishDone, type PublishVerdict, Subscriptions, sendTo } from './connection.ts';
import { reasonCodes } from './reason-codes.ts';
import { PROVISION_CHALLENGE, PROVISION_REQUESTS, PROVISION_RESPONSE } from './topics.ts';

/** A session may stay so long, counted anew from each answer (thingsboard-device-api 2.2). */
const STAY_MS = 60_000;

/** Protobuf never begins so: `{` would be a group. */
const OBJECT_START = /^[ \t\r\n]*\{/;

/** A connection that may only provision. */
export class ProvisionSession {
  readonly #client: Client;
  readonly #api: DeviceApi;
  readonly #address: string;
  readonly #log: Log;
  readonly #subscriptions = new Subscriptions();
  #timer: NodeJS.Timeout;

  constructor(client: Client, api: DeviceApi, { address, log }: { readonly address: string; readonly log: Log }) {
    this.#client = client;
    this.#api = api;
    this.#address = address;
    this.#log = log;
    this.#timer = this.#leaveLater();
  }

  ready(): void {}

  seen(): void {}

  acknowledged(): void {}

  closed(): void {
    clearTimeout(this.#timer);
  }

  subscribe(packet: ISubscribePacket): Packet {
    return this.#subscriptions.subscribe(packet, this.#client.version, (filter) => filter === PROVISION_RESPONSE);
  }

  unsubscribe(packet: IUnsubscribePacket): Packet {
    return this.#subscriptions.unsubscribe(packet);
  }

  publish(packet: IPublishPacket, done?: PublishDone): void {
    const finish = (verdict: PublishVerdict): void => finishPublish(this.#client, packet, verdict, done);
    if (packet.topic === PROVISION_CHALLENGE) {
      finish({ kind: 'ack' });
      this.#answer(this.#api.challenge());
      return;
    }
    if (!PROVISION_REQUESTS.has(packet.topic)) {
      // Not which one: it may hold a token. MQTT 3.1.1 hears of nothing but the end.
      const facts = { event: 'provision', outcome: 'wrong-topic', address: this.#address };
      this.#log.info(facts, 'no topic of a provisioning request');
      finish({ kind: 'nack-and-close', code: reasonCodes.topicNameInvalid });
      return;
    }
    const payload = packet.payload as Buffer;
    // What is no JSON object is tried as protobuf, and then answered in protobuf (thingsboard-device-api 2.7).
    const translated = OBJECT_START.test(payload.toString('latin1', 0, 64)) ? undefined : readProvisionRequest(payload);
    void this.#api.provision(translated ?? payload, this.#address).then((reply) => {
      finish(toVerdict(reply));
      if (reply.kind !== 'answer') return;
      // The acknowledgement goes first, then the answer, subscribed or not.
      this.#answer(translated ? encodeProvisionAnswer(reply.text) : reply.text);
      clearTimeout(this.#timer);
      this.#timer = this.#leaveLater();
    });
  }

  #answer(payload: string | Buffer): void {
    sendTo(this.#client, PROVISION_RESPONSE, payload, this.#subscriptions.qosOf(PROVISION_RESPONSE) ?? 1);
  }

  #leaveLater(): NodeJS.Timeout {
    return setTimeout(() => disconnectClient(this.#client, reasonCodes.administrativeAction), STAY_MS).unref();
  }
}

/** thingsboard-device-api 2.7. */
function toVerdict(reply: ProvisionReply): PublishVerdict {
  switch (reply.kind) {
    case 'answer':
      return { kind: 'ack' };
    case 'not-json':
      return { kind: 'nack', code: reasonCodes.payloadFormatInvalid, v3: 'close', qos0: 'close' };
    case 'wrong-form':
    case 'unavailable':
      return { kind: 'nack-and-close', code: reasonCodes.implementationSpecific };
    case 'hang-up':
      return { kind: 'close', code: reasonCodes.quotaExceeded };
  }
}
