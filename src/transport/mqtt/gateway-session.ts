import type { Client } from 'aedes';
import type { IPublishPacket } from 'mqtt-packet';
import {
  type CallToDevice,
  type Device,
  type DeviceApi,
  type DeviceProfile,
  type Downlink,
  formatSubAttributes,
  formatSubCall,
  formatSubDisconnect,
  formatSubUpdate,
  type Gateway,
  type GatewayLink,
  type GatewayResult,
  type Uplink,
} from '../../device-api/index.ts';
import { type PublishVerdict, type Subscriptions, sendTo } from './connection.ts';
import { isTooLarge, nextMessageId, writePacket } from './downlink.ts';
import {
  GATEWAY_ATTRIBUTES,
  GATEWAY_ATTRIBUTES_REQUEST,
  GATEWAY_ATTRIBUTES_RESPONSE,
  GATEWAY_CLAIM,
  GATEWAY_CONNECT,
  GATEWAY_DISCONNECT,
  GATEWAY_RPC,
  GATEWAY_TELEMETRY,
} from './gateway-topics.ts';
import { reasonCodes } from './reason-codes.ts';
import { answerInstead, TOO_LARGE_CALL } from './rpc-session.ts';

const ACK: PublishVerdict = { kind: 'ack' };
/** Not done, the session stays; 3.1.1 has no way to say so. At QoS 0 there is nobody to tell. */
const refusedWith = (code: number): PublishVerdict => ({ kind: 'nack', code, v3: 'ack', qos0: 'ignore' });
const UNKNOWN_TOPIC = refusedWith(reasonCodes.topicNameInvalid);
const LIMIT = refusedWith(reasonCodes.quotaExceeded);
const NOT_CREATED = refusedWith(reasonCodes.unspecified);
const NOT_YOURS = refusedWith(reasonCodes.notAuthorized);
const INVALID_MEMBER: PublishVerdict = {
  kind: 'nack',
  code: reasonCodes.payloadFormatInvalid,
  v3: 'close',
  qos0: 'ignore',
};
const WRONG_FORM: PublishVerdict = { kind: 'nack-and-close', code: reasonCodes.implementationSpecific };
const FAILED: PublishVerdict = { kind: 'close', code: reasonCodes.implementationSpecific };

/** The reason of a rate limit in `v1/gateway/disconnect`, decimal (4.2). */
const MESSAGE_RATE_TOO_HIGH = 150;

/** A device that is no gateway asks for the gateway API: nothing happens (3.11). MQTT 5 is told, 3.1.1 gets no acknowledgement. */
export const noGateway = (client: Client): PublishVerdict =>
  client.version === 5 ? refusedWith(reasonCodes.notAuthorized) : { kind: 'drop' };

export interface GatewaySessionParts {
  readonly client: Client;
  readonly api: DeviceApi;
  readonly device: Device;
  readonly subscriptions: Subscriptions;
  readonly profile: () => DeviceProfile;
  readonly uplink: Pick<Uplink, 'refuse'>;
}

/** The gateway API on the connection of a gateway; for itself it uses the device topics like any device. */
export class GatewaySession implements GatewayLink {
  readonly #client: Client;
  readonly #api: DeviceApi;
  readonly #subscriptions: Subscriptions;
  readonly #profile: () => DeviceProfile;
  readonly #uplink: Pick<Uplink, 'refuse'>;
  readonly #gateway: Gateway;
  /** Calls that the gateway will acknowledge, by packet id. */
  readonly #unacknowledged = new Map<number, (taken: boolean) => void>();

  constructor({ client, api, device, subscriptions, profile, uplink }: GatewaySessionParts) {
    this.#client = client;
    this.#api = api;
    this.#subscriptions = subscriptions;
    this.#profile = profile;
    this.#uplink = uplink;
    this.#gateway = api.gateway(device, this);
  }

  seen(): void {
    this.#gateway.seen();
  }

  closed(): void {
    this.#gateway.close();
  }

  publish({ topic, payload }: IPublishPacket, finish: (verdict: PublishVerdict) => void): void {
    const bytes = payload as Buffer;
    const done = (result: GatewayResult): void => finish(this.#verdict(result));
    switch (topic) {
      case GATEWAY_TELEMETRY:
        this.#gateway.telemetry(bytes, done);
        return;
      case GATEWAY_ATTRIBUTES:
        this.#gateway.attributes(bytes, done);
        return;
      case GATEWAY_CONNECT:
        this.#gateway.connect(bytes, done);
        return;
      case GATEWAY_DISCONNECT:
        this.#gateway.disconnect(bytes, done);
        return;
      case GATEWAY_ATTRIBUTES_REQUEST:
        this.#gateway.requestAttributes(bytes, done, (found) =>
          this.#push(GATEWAY_ATTRIBUTES_RESPONSE, formatSubAttributes(found, this.#profile())),
        );
        return;
      case GATEWAY_RPC:
        this.#gateway.rpcReply(bytes, done);
        return;
      case GATEWAY_CLAIM:
        this.#gateway.claim(bytes, done);
        return;
      default:
        this.#uplink.refuse('the topic is none of the gateway API', () => finish(UNKNOWN_TOPIC));
    }
  }

  send(device: Device, downlink: Downlink): boolean {
    return this.#push(GATEWAY_ATTRIBUTES, formatSubUpdate(device, downlink, this.#profile(), Date.now()));
  }

  call(device: Device, call: CallToDevice, acknowledged: (taken: boolean) => void): 'delivered' | 'sent' | 'refused' {
    const client = this.#client;
    const payload = formatSubCall(device, call, this.#profile());
    const qos = this.#subscriptions.qosOf(GATEWAY_RPC) ?? 1;
    const packet: IPublishPacket = { cmd: 'publish', topic: GATEWAY_RPC, payload, qos, dup: false, retain: false };
    if (isTooLarge(client, packet)) return answerInstead(this.#api, device, call.id, TOO_LARGE_CALL);
    if (qos === 0) return writePacket(client, packet) ? 'delivered' : 'refused';
    const messageId = nextMessageId(client);
    if (messageId === undefined || !writePacket(client, { ...packet, messageId })) return 'refused';
    this.#unacknowledged.set(messageId, acknowledged);
    return 'sent';
  }

  /** The gateway acknowledged a message of ours. */
  acknowledged(messageId: number, reasonCode: number): void {
    const heard = this.#unacknowledged.get(messageId);
    if (!heard) return;
    this.#unacknowledged.delete(messageId);
    heard(reasonCode < reasonCodes.unspecified);
  }

  /** Pushed with or without a subscription. */
  #push(topic: string, payload: string | Buffer): boolean {
    return sendTo(this.#client, topic, payload, this.#subscriptions.qosOf(topic) ?? 1);
  }

  /** Table 4.2. */
  #verdict(result: GatewayResult): PublishVerdict {
    switch (result.kind) {
      case 'stored':
        return ACK;
      case 'unreadable': {
        const v3 = this.#profile().sendAckOnValidationException ? 'ack' : 'close';
        return { kind: 'nack', code: reasonCodes.payloadFormatInvalid, v3, qos0: 'close' };
      }
      case 'wrong-form':
        return WRONG_FORM;
      case 'invalid':
        return INVALID_MEMBER;
      case 'limit':
        return LIMIT;
      case 'refused':
        return NOT_CREATED;
      case 'not-yours':
        return NOT_YOURS;
      case 'rate-limited':
        return this.#limited(result.device);
      case 'failed':
        return FAILED;
    }
  }

  /** The push goes first: behind the end of the connection nobody would read it. */
  #limited(device: string): PublishVerdict {
    if (this.#client.version !== 5) return { kind: 'close', code: reasonCodes.quotaExceeded };
    this.#push(GATEWAY_DISCONNECT, formatSubDisconnect(device, MESSAGE_RATE_TOO_HIGH, this.#profile()));
    return { kind: 'nack-and-close', code: reasonCodes.quotaExceeded };
  }
}
