import type { Client } from 'aedes';
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import type {
  CloseReason,
  Device,
  DeviceApi,
  DeviceLink,
  DeviceProfile,
  Downlink,
  OpenSession,
  Presence,
  Uplink,
  UplinkResult,
} from '../../device-api/index.ts';
import { disconnectClient } from './aedes-private.ts';
import { finishPublish, type PublishDone, type PublishVerdict, Subscriptions, sendTo } from './connection.ts';
import { GatewaySession, noGateway } from './gateway-session.ts';
import { GATEWAY_FILTERS, GATEWAY_PREFIX } from './gateway-topics.ts';
import { OtaSession } from './ota-session.ts';
import { attributesAnswer, attributesUpdate, jsonPayload } from './payload-form.ts';
import { reasonCodes } from './reason-codes.ts';
import { RpcSession } from './rpc-session.ts';
import { callsPrefix } from './rpc-topics.ts';
import { type Uplink as Asked, ATTRIBUTES, readFilter, readTopic } from './topics.ts';
import { CLOSE_CODES } from './wire-errors.ts';

const UNKNOWN_TOPIC: PublishVerdict = { kind: 'nack', code: reasonCodes.topicNameInvalid, v3: 'ack', qos0: 'ignore' };
const ACK: PublishVerdict = { kind: 'ack' };
const REFUSED: PublishVerdict = { kind: 'close', code: reasonCodes.implementationSpecific };
const INVALID: PublishVerdict = { kind: 'nack', code: reasonCodes.payloadFormatInvalid, v3: 'close', qos0: 'close' };
const INVALID_ACKED: PublishVerdict = { ...INVALID, v3: 'ack' };

const WRONG_ID = 'the id in the topic is no whole number';

/** Ends a publish: what became of it, or what its sender hears at once. */
type Finish = (result: UplinkResult | PublishVerdict) => void;

/** Filters of calls to the device: subscribing costs a message, as that to its attributes does (7.3). */
const RPC_REQUESTS = /^(?:v1\/devices\/me\/rpc\/request|v2\/r\/req(?:\/[jp])?)\/\+$/;

/** A connection of one device. */
export class DeviceSession implements DeviceLink {
  readonly #client: Client;
  readonly #api: DeviceApi;
  readonly #device: Device;
  #lastProfile: DeviceProfile;
  readonly #uplink: Uplink;
  readonly #maxPayloadSize: number;
  /** Made by the first request for a package, and by the first subscription or publish of a call. */
  #ota: OtaSession | undefined;
  #rpc: RpcSession | undefined;
  readonly #subscriptions = new Subscriptions();
  /** Decided at CONNECT. */
  readonly #gateway: GatewaySession | undefined;
  #updatesTopic: string | undefined;
  #session: OpenSession | undefined;
  readonly #presence: Presence;

  constructor(client: Client, api: DeviceApi, device: Device, profile: DeviceProfile, maxPayloadSize: number) {
    this.#client = client;
    this.#api = api;
    this.#device = device;
    this.#lastProfile = profile;
    this.#uplink = api.uplink(device);
    this.#presence = api.presence(device); // before aedes closes the connection that this one takes over from
    this.#maxPayloadSize = maxPayloadSize;
    this.#gateway = device.gateway ? this.#gatewaySession() : undefined;
  }

  ready(): void {
    this.#session = this.#api.openSession(this.#device, this, this.#presence);
  }

  closed(): void {
    if (this.#session) this.#session.close();
    else {
      this.#presence.closed();
      this.#api.abandon(this.#device);
    }
    this.#gateway?.closed();
    this.#rpc?.closed();
  }

  /** Something came from the device. */
  seen(): void {
    this.#session?.seen();
    this.#gateway?.seen();
  }

  subscribe(packet: ISubscribePacket): Packet {
    const profile = this.#profile();
    return this.#subscriptions.subscribe(packet, this.#client.version, (filter) => {
      if (this.#gateway && GATEWAY_FILTERS.has(filter)) return true;
      const { granted, updatesTopic } = readFilter(filter, profile);
      const counted = granted && (updatesTopic !== undefined || RPC_REQUESTS.test(filter));
      if (counted && !this.#uplink.takeMessage('subscribe')) return 'rate-limited';
      if (granted && updatesTopic) this.#updatesTopic = updatesTopic; // the last one decides (3.1)
      if (granted && callsPrefix(filter) !== undefined) this.#calls().subscribed(filter);
      return granted;
    });
  }

  unsubscribe(packet: IUnsubscribePacket): Packet {
    const profile = this.#profile();
    for (const filter of packet.unsubscriptions) {
      if (this.#subscriptions.qosOf(filter) === undefined) continue; // what was never granted ends nothing
      if (readFilter(filter, profile).updatesTopic) this.#updatesTopic = undefined;
      this.#rpc?.unsubscribed(filter);
    }
    return this.#subscriptions.unsubscribe(packet);
  }

  publish(packet: IPublishPacket, done?: PublishDone): void {
    const { topic } = packet;
    const profile = this.#profile();
    const finish: Finish = (result) => finishPublish(this.#client, packet, toVerdict(result, profile), done);
    if (topic.startsWith(GATEWAY_PREFIX)) {
      if (this.#gateway) this.#gateway.publish(packet, finish);
      else this.#uplink.refuse('the device is no gateway', () => finish(noGateway(this.#client)));
      return;
    }
    const uplink = readTopic(topic, profile);
    // 3.1.1 acknowledges an unknown topic: the log is the one place that says so.
    if (uplink === undefined) this.#uplink.refuse('the topic is none of the device API', () => finish(UNKNOWN_TOPIC));
    else if (uplink === 'malformed') this.#uplink.refuse(WRONG_ID, finish);
    else this.#take(uplink, { topic, payload: packet.payload as Buffer }, finish);
  }

  #take(uplink: Asked, read: { readonly topic: string; readonly payload: Buffer }, finish: Finish): void {
    const payload = jsonPayload(this.#uplink, uplink, read, finish);
    if (payload === undefined) return;
    const seen = this.#lastProfile.transport === 'mqtt' ? read.topic : undefined;
    switch (uplink.kind) {
      case 'telemetry':
        this.#uplink.telemetry(payload, finish, seen);
        return;
      case 'attributes':
        this.#uplink.attributes(payload, finish, seen);
        return;
      case 'ota':
        this.#packages().request(uplink, payload, finish);
        return;
      case 'claim':
        this.#uplink.claim(payload).then(finish, () => finish(REFUSED));
        return;
      case 'certificate-request':
        this.#certificate(payload, uplink.answerTopic, finish);
        return;
      case 'rpc-malformed':
        this.#uplink.refuse(WRONG_ID, () => this.#calls().publish(uplink, { payload, topic: seen }, finish), 'calls');
        return;
      case 'rpc-call':
      case 'rpc-answer':
        this.#calls().publish(uplink, { payload, topic: seen }, finish);
        return;
      case 'attribute-request':
        this.#answer(payload, uplink, finish);
    }
  }

  /** The device acknowledged a message of ours. */
  acknowledged(messageId: number, reasonCode: number): void {
    this.#rpc?.acknowledged(messageId, reasonCode);
    this.#gateway?.acknowledged(messageId, reasonCode);
  }

  send(downlink: Downlink): boolean {
    const topic = this.#updatesTopic;
    if (topic === undefined && downlink.kind !== 'reply') return true;
    const qos = topic === undefined ? 1 : (this.#subscriptions.qosOf(topic) ?? 1);
    const to = topic ?? ATTRIBUTES;
    return sendTo(this.#client, to, attributesUpdate(to, downlink, this.#profile()), qos);
  }

  close(reason: CloseReason): void {
    disconnectClient(this.#client, CLOSE_CODES[reason]);
  }

  /** A changed profile holds for live sessions too; one whose file is gone keeps its last form. */
  #profile(): DeviceProfile {
    this.#lastProfile = this.#api.profile(this.#device.profile) ?? this.#lastProfile;
    return this.#lastProfile;
  }

  #calls(): RpcSession {
    this.#rpc ??= new RpcSession({
      client: this.#client,
      api: this.#api,
      device: this.#device,
      maxPayloadSize: this.#maxPayloadSize,
      qosOf: (filter) => this.#subscriptions.qosOf(filter),
      profile: () => this.#profile(),
    });
    return this.#rpc;
  }

  #packages(): OtaSession {
    this.#ota ??= new OtaSession({
      client: this.#client,
      device: this.#device,
      downloads: this.#api.ota,
      qosOf: (filter) => this.#subscriptions.qosOf(filter),
    });
    return this.#ota;
  }

  #gatewaySession(): GatewaySession {
    return new GatewaySession({
      client: this.#client,
      api: this.#api,
      device: this.#device,
      subscriptions: this.#subscriptions,
      profile: () => this.#profile(),
      uplink: this.#uplink,
    });
  }

  #certificate(payload: Buffer, answerTopic: string, finish: Finish): void {
    this.#api.certificates.request(this.#device, payload).then(
      (result) => {
        if (result.kind !== 'answer') {
          finish(result);
          return;
        }
        finish(ACK);
        const filter = `${answerTopic.slice(0, answerTopic.lastIndexOf('/'))}/+`;
        sendTo(this.#client, answerTopic, result.text, this.#subscriptions.qosOf(filter) ?? 1);
      },
      () => finish(REFUSED),
    );
  }

  #answer(payload: Buffer, request: { readonly id: string; readonly answerTopic: string }, finish: Finish): void {
    this.#uplink.requestAttributes(payload).then(
      (result) => {
        if (result.kind !== 'answer') {
          finish(result);
          return;
        }
        finish(ACK);
        if (request.id.startsWith('-')) return; // 3.5: a negative id gets no answer
        const { answerTopic } = request;
        const filter = `${answerTopic.slice(0, answerTopic.lastIndexOf('/'))}/+`;
        const answer = attributesAnswer(answerTopic, request.id, result, this.#profile());
        sendTo(this.#client, answerTopic, answer, this.#subscriptions.qosOf(filter) ?? 1);
      },
      () => finish(REFUSED),
    );
  }
}

const invalid = (profile: DeviceProfile): PublishVerdict =>
  profile.sendAckOnValidationException ? INVALID_ACKED : INVALID;

function toVerdict(result: UplinkResult | PublishVerdict, profile: DeviceProfile): PublishVerdict {
  switch (result.kind) {
    case 'stored':
      return ACK;
    case 'invalid':
      return invalid(profile);
    case 'rate-limited':
    case 'failed':
      return REFUSED;
    default:
      return result;
  }
}
