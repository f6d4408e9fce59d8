import type { CloseReason, Device, DeviceApi, DeviceProfile, Downlink, Uplink } from '../device-api/index.ts';
import { ALIBABA_OPERATIONS } from './alibaba/operations.ts';
import type { Compression } from './compression.ts';
import { ENOS_OPERATIONS } from './enos/operations.ts';
import { type Answer, type ChildSessions, operationFor, type Refusal, refuse, type ThingContext } from './operation.ts';
import { ThingOta } from './ota.ts';
import { readRequest, repliesTo } from './read-request.ts';
import { ThingCalls } from './thing-calls.ts';
import { answered } from './uplinks.ts';
import { REPLY_CODES } from './wire/codes.ts';
import type { SigningDialect } from './wire/dialect.ts';
import { type Envelope, formatReply, formatRequest } from './wire/envelope.ts';

export interface ThingParts {
  readonly api: DeviceApi;
  readonly device: Device;
  readonly productKey: string;
  readonly deviceKey: string;
  /** As it stands now. */
  readonly profile: () => DeviceProfile;
  readonly compression: Compression;
  /** Writes to the device, subscribed or not; false when it does not read. */
  readonly send: (topic: string, payload: string | Buffer) => boolean;
}

const OPERATIONS = { enos: ENOS_OPERATIONS, alibaba: ALIBABA_OPERATIONS };
/** The published Python SDK of Alibaba reads both of every reply, and drops one that lacks them. */
const REPLY_DEFAULTS = { enos: {}, alibaba: { data: {}, message: 'success' } };
const NO_ENVELOPE = { id: '', wantsReply: true } as const;
/** Of a profile that is not of a dialect any more. */
const DEFAULT_MAX_PAYLOAD_BYTES = 512 * 1024;

/** One device of a signing dialect, on its own connection or on its gateway's: its requests, its replies, what it is sent. */
export class Thing implements ThingContext {
  readonly api: DeviceApi;
  readonly device: Device;
  readonly productKey: string;
  readonly deviceKey: string;
  readonly dialect: SigningDialect;
  readonly uplink: Uplink;
  readonly ota: ThingOta;
  children: ChildSessions | undefined;
  readonly #parts: ThingParts;
  readonly #calls: ThingCalls;

  constructor(parts: ThingParts) {
    const { api, device, productKey, deviceKey } = parts;
    this.api = api;
    this.device = device;
    this.productKey = productKey;
    this.deviceKey = deviceKey;
    this.dialect = parts.profile().thing?.dialect ?? 'enos';
    this.uplink = api.uplink(device);
    this.#parts = parts;
    this.ota = new ThingOta(this, (topic, payload) => this.send(topic, payload));
    this.#calls = new ThingCalls(this, (topic, payload) => this.send(topic, payload));
  }

  /** It can be sent something from now on. */
  opened(): void {
    this.#calls.opened();
    this.ota.offer();
  }

  closed(): void {
    this.#calls.closed();
  }

  /** False when the device does not read. */
  send(topic: string, payload: string | Buffer): boolean {
    return this.#parts.send(topic, this.#parts.compression.pack(payload));
  }

  /** The device is disabled, or gone. */
  notice(reason: CloseReason): void {
    const what = reason === 'device-disabled' ? 'disable' : reason === 'device-deleted' ? 'delete' : undefined;
    if (what === undefined) return;
    const topic = `/sys/${this.productKey}/${this.deviceKey}/thing/${what}`;
    this.send(topic, formatRequest(reason, `thing.${what}`, {}));
  }

  push(downlink: Downlink): boolean {
    return this.#calls.push(downlink);
  }

  /** Handles a publish on one of its topics; true = acknowledged, false = could not be stored. */
  async publish(topic: string, path: string, packed: Buffer): Promise<boolean> {
    const maxBytes = this.#parts.profile().thing?.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
    if (packed.length > maxBytes) return this.#refuse(topic, refuse('tooLarge', `more than ${maxBytes} bytes`));
    const payload = this.#parts.compression.unpack(packed, maxBytes);
    if (!payload) return this.#refuse(topic, refuse('payloadFormat', 'the payload cannot be unpacked'));
    if (this.#calls.isAnswer(path)) return this.#calls.answer(path, payload);
    if (path === 'thing/model/up_raw') return this.#raw(topic, payload);
    const read = readRequest(payload, path, this.api.things.json);
    if (!read.ok) return this.#refuse(topic, read.refusal, read.to);
    const { envelope } = read;
    const operation = operationFor(OPERATIONS[this.dialect], path);
    if (!operation) return this.#refuse(topic, refuse('unknownTopic', 'the topic has no meaning'), envelope);
    const { params, body } = envelope;
    return this.#finish(topic, envelope, await operation(this, { topic, path, params, body }));
  }

  /** Refuses a publish for a sub-device that is not logged in. */
  refuseFor(topic: string, payload: Buffer): void {
    const refusal = refuse('notLoggedIn', 'the sub-device is not logged in over this connection');
    this.#refuse(topic, refusal, repliesTo(payload, this.api.things.json));
  }

  /** Bytes that a chain makes something of; it answers by the call `thing.model.up_raw_reply`. */
  async #raw(topic: string, payload: Buffer): Promise<boolean> {
    const data = { raw: payload.toString('base64') };
    const { kind } = await answered(this, (done) => this.uplink.event({ type: 'RAW_DATA', data }, done, topic));
    return kind !== 'close';
  }

  #refuse(topic: string, answer: Refusal, to: Pick<Envelope, 'id' | 'wantsReply'> = NO_ENVELOPE): boolean {
    this.uplink.refuse(answer.message ?? '', () => {});
    return this.#finish(topic, to, answer);
  }

  #finish(topic: string, { id, wantsReply }: Pick<Envelope, 'id' | 'wantsReply'>, answer: Answer): boolean {
    switch (answer.kind) {
      case 'reply':
        if (wantsReply) {
          const { code, data, message } = { ...REPLY_DEFAULTS[this.dialect], ...answer };
          this.send(`${topic}_reply`, formatReply(id, REPLY_CODES[this.dialect][code], data, message));
        }
        answer.after?.();
        return true;
      case 'send':
        this.send(answer.topic, answer.payload);
        return true;
      case 'none':
        answer.after?.();
        return true;
      case 'close':
        return false;
    }
  }
}
