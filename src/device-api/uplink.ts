import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson, utf8Text } from '../model/json.ts';
import { hideSupplyPoints } from '../model/supply-point/index.ts';
import type { Log } from '../observe/index.ts';
import type { DeviceProfile, FittedValues, ProfileSet } from '../profiles/index.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { SessionMark } from '../storage/session-mark.ts';
import { type Decoded, sampleText, timestamp } from '../telemetry/payload.ts';
import { type AttributesFound, formatFound, keyList } from './attributes-found.ts';
import { type Claims, readClaim } from './claims.ts';
import { bump, countEnded, type MessageCounters, type MessageKind } from './counters.ts';
import type { DeviceLimits } from './device-limits.ts';
import type { MessageRunner } from './message-runner.ts';
import { readAttributes, readEvent, readTelemetry } from './model-fit.ts';
import type { OtaDownloads } from './ota-downloads.ts';
import { type PayloadForm, type PayloadKind, readPayload } from './protobuf-payloads.ts';
import type { MessageEnd } from './work.ts';

/** What became of one publish. `stored`: every outcome of it is durable. `invalid`: it could not be read; `problem` says why. */
export type UplinkResult =
  | { readonly kind: 'stored' }
  | { readonly kind: 'invalid'; readonly problem: string }
  | { readonly kind: 'rate-limited' }
  | { readonly kind: 'failed' };

export type AttributesAnswer =
  | { readonly kind: 'answer'; readonly text: string; readonly found: AttributesFound }
  | Exclude<UplinkResult, { readonly kind: 'stored' }>;

export type UplinkDone = (result: UplinkResult) => void;

/** Publishing on behalf of one device. Payloads are read before the call returns: the caller may reuse the buffer. */
export interface Uplink {
  /** @param topic set when the chain is to see it as metadata `mqttTopic`. */
  telemetry(payload: Uint8Array, done: UplinkDone, topic?: string): void;
  attributes(payload: Uint8Array, done: UplinkDone, topic?: string): void;
  /** The same for what is JSON already. */
  telemetryJson(json: JsonValue, done: UplinkDone, more?: UplinkSource): void;
  attributesJson(json: JsonValue, done: UplinkDone, more?: UplinkSource): void;
  /** A message of a type of its own, which chains tell by that; counts as telemetry of one point for each member. */
  event(event: UplinkEvent, done: UplinkDone, topic?: string): void;
  /** Why this would be refused, without sending it; undefined: it would not, but for limits. */
  fault(sent: UplinkPart): string | undefined;
  /** An offer to be claimed; an empty payload is one too (thingsboard-device-api 3.10). Says nothing of its success. */
  claim(payload: Uint8Array): Promise<UplinkResult>;
  claimJson(json: JsonValue | undefined): Promise<UplinkResult>;
  /** The payload as JSON, whatever the form it came in; undefined after `done` heard that it cannot be read. */
  readable(kind: PayloadKind, payload: Uint8Array, form: PayloadForm, done: UplinkDone): Uint8Array | undefined;
  /** A payload that cannot be read: it is counted and logged, and `done` hears so. @param kind what it was to hold, where that is known. */
  refuse(problem: string, done: UplinkDone, kind?: MessageKind): void;
  /** Takes what a session, a subscription or a long poll costs; `what` names it in the counters. False: over the limit. */
  takeMessage(what: string): boolean;
  /** Client and shared attributes as JSON text (thingsboard-device-api 3.5). Rejects when the store cannot be read. */
  requestAttributes(payload: Uint8Array): Promise<AttributesAnswer>;
  /** The same for query parameters; `undefined` for both = all. */
  readAttributes(clientKeys: readonly string[] | undefined, sharedKeys: readonly string[] | undefined): Promise<string>;
}

/** One part of a request that is stored as a whole or not at all. */
export type UplinkPart =
  | { readonly kind: 'telemetry' | 'attributes'; readonly json: JsonValue }
  | { readonly kind: 'event'; readonly event: UplinkEvent };

export interface UplinkSource {
  readonly topic?: string | undefined;
  /** The sender named the type of each value: none is read into a text. */
  readonly typed?: boolean | undefined;
  /** The exact text of the JSON, where the sender has it. */
  readonly text?: string | undefined;
  /** Values that do not fit the model of the profile are left out, and no reason to refuse the rest. */
  readonly skipInvalid?: boolean | undefined;
  /** What chains are to know besides. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface UplinkEvent {
  readonly type: string;
  readonly data: JsonObject;
  /** As a sample's `ts`; absent or null = now. */
  readonly time?: JsonValue | undefined;
}

/** Whose rate limits the publishes of an uplink take from. */
export interface UplinkMeter {
  takeTelemetry(profile: DeviceProfile, dataPoints: number): boolean;
  takeMessage(profile: DeviceProfile): boolean;
}

export interface UplinkParts {
  readonly profiles: () => ProfileSet;
  readonly runner: MessageRunner;
  readonly ota: Pick<OtaDownloads, 'reported'>;
  readonly attributes: AttributeStore;
  readonly limits: DeviceLimits;
  /** The session of that login; undefined when it has none, or nobody else could have it. */
  readonly markOf: (device: Device) => SessionMark | undefined;
  readonly claims: Claims;
  readonly counters: MessageCounters;
  readonly clock: Clock;
  readonly log: Log;
  readonly json: { readonly maxDepth: number; readonly maxKeys: number };
}

const COMPLAINT_PAUSE_MS = 1_000;
const STORED: UplinkResult = { kind: 'stored' };
const RATE_LIMITED: UplinkResult = { kind: 'rate-limited' };
const FAILED: UplinkResult = { kind: 'failed' };

/** @param meter absent: the device's own limits. */
export function createUplink(device: Device, parts: UplinkParts, meter?: UplinkMeter): Uplink {
  return new DeviceUplink(device, parts, meter);
}

class DeviceUplink implements Uplink {
  readonly #device: Device;
  readonly #parts: UplinkParts;
  readonly #meter: UplinkMeter | undefined;
  readonly #session: SessionMark | undefined;
  #complainedAt: number | undefined;

  constructor(device: Device, parts: UplinkParts, meter: UplinkMeter | undefined) {
    this.#device = device;
    this.#parts = parts;
    this.#meter = meter;
    this.#session = parts.markOf(device);
  }

  telemetry(payload: Uint8Array, done: UplinkDone, topic?: string): void {
    const text = utf8Text(payload);
    const parsed = parseJson(text ?? payload, this.#parts.json);
    if (parsed.ok) this.telemetryJson(parsed.value, done, { topic, text });
    else this.refuse(parsed.error.problem, done, 'telemetry');
  }

  telemetryJson(json: JsonValue, done: UplinkDone, source: UplinkSource = {}): void {
    const { topic, text, typed = false, metadata: more, skipInvalid = false } = source;
    const profile = this.#profile();
    if (!profile) {
      done(FAILED);
      return;
    }
    const { clock, runner } = this.#parts;
    const read = readTelemetry(profile, json, { now: clock.now(), typed, skipInvalid });
    if (!read.ok) {
      this.refuse(read.problem, done, 'telemetry');
      return;
    }
    const { samples } = read;
    this.#left(read.left);
    let points = 0;
    for (const sample of samples) for (const _ in sample.values) points++;
    if (!this.#takeTelemetry(profile, points)) {
      this.#limited(done, 'telemetry');
      return;
    }
    if (samples.length === 0) {
      done(STORED);
      return;
    }
    const end = samples.length === 1 ? endOf(done) : joinEnds(samples.length, done);
    for (const sample of samples) {
      const { ts, values: data } = sample;
      this.#parts.ota.reported(this.#device, data);
      const metadata = { ...this.#metadata(topic, String(ts)), ...more };
      const message = {
        device: this.#device,
        type: 'POST_TELEMETRY_REQUEST',
        ts,
        data,
        metadata,
        text: text === undefined ? undefined : sampleText(sample, text),
        session: this.#session,
        comesAgain: true,
      } as const;
      runner.run(message, end);
    }
  }

  attributes(payload: Uint8Array, done: UplinkDone, topic?: string): void {
    const parsed = parseJson(payload, this.#parts.json);
    if (parsed.ok) this.attributesJson(parsed.value, done, { topic });
    else this.refuse(parsed.error.problem, done, 'attributes');
  }

  attributesJson(json: JsonValue, done: UplinkDone, { topic, typed = false }: UplinkSource = {}): void {
    const profile = this.#profile();
    if (!profile) {
      done(FAILED);
      return;
    }
    const { clock, runner } = this.#parts;
    const now = clock.now();
    const data = this.#fit(readAttributes(profile, json, { now, typed }), done, 'attributes');
    if (!data) return;
    if (!this.#takeTelemetry(profile, Object.keys(data).length)) {
      this.#limited(done, 'attributes');
      return;
    }
    runner.run(
      {
        device: this.#device,
        type: 'POST_ATTRIBUTES_REQUEST',
        ts: now,
        data,
        metadata: { ...this.#metadata(topic), notifyDevice: 'false' },
        session: this.#session,
        comesAgain: true,
      },
      endOf(done),
    );
  }

  event({ type, data: sent, time }: UplinkEvent, done: UplinkDone, topic?: string): void {
    const profile = this.#profile();
    if (!profile) {
      done(FAILED);
      return;
    }
    const { clock, runner } = this.#parts;
    const ts = time === undefined || time === null ? clock.now() : timestamp(time);
    if (ts === undefined) {
      this.refuse('"time" must be an integer of milliseconds', done, 'events');
      return;
    }
    const data = this.#fit(readEvent(profile, type, sent), done, 'events');
    if (!data) return;
    if (!this.#takeTelemetry(profile, Object.keys(data).length)) {
      this.#limited(done, 'events');
      return;
    }
    const metadata = this.#metadata(topic, String(ts));
    const message = { device: this.#device, type, ts, data, metadata, session: this.#session } as const;
    runner.run({ ...message, comesAgain: true }, endOf(done));
  }

  fault(sent: UplinkPart): string | undefined {
    const profile = this.#profile();
    const now = this.#parts.clock.now();
    if (!profile) return undefined;
    const read =
      sent.kind === 'event'
        ? readEvent(profile, sent.event.type, sent.event.data)
        : (sent.kind === 'telemetry' ? readTelemetry : readAttributes)(profile, sent.json, { now });
    return read.ok ? undefined : read.problem;
  }

  async claim(payload: Uint8Array): Promise<UplinkResult> {
    if (payload.length === 0) return this.claimJson(undefined);
    const parsed = parseJson(payload, this.#parts.json);
    return parsed.ok ? this.claimJson(parsed.value) : { kind: 'invalid', problem: parsed.error.problem };
  }

  async claimJson(json: JsonValue | undefined): Promise<UplinkResult> {
    const request = readClaim(json);
    if (request.kind === 'invalid') return request;
    if (!this.takeMessage('claim')) return RATE_LIMITED;
    await this.#parts.claims.register(this.#device, request);
    return STORED;
  }

  readable(kind: PayloadKind, payload: Uint8Array, form: PayloadForm, done: UplinkDone): Uint8Array | undefined {
    const profile = this.#profile();
    const read = profile && readPayload(kind, payload, form, profile, this.#parts.json);
    if (read?.ok) return read.payload;
    if (read) this.refuse(read.problem, done, kind === 'telemetry' || kind === 'attributes' ? kind : 'other');
    else done(FAILED);
    return undefined;
  }

  refuse(problem: string, done: UplinkDone, kind: MessageKind = 'other'): void {
    this.#complain(problem);
    countEnded(this.#parts.counters, 'refused', this.#device.profile, kind);
    done({ kind: 'invalid', problem });
  }

  takeMessage(what: string): boolean {
    const profile = this.#profile();
    if (profile && this.#takeMessage(profile)) return true;
    bump(this.#parts.counters.refusals, `${what}:${profile ? 'rate-limited' : 'no-profile'}`);
    return false;
  }

  async requestAttributes(payload: Uint8Array): Promise<AttributesAnswer> {
    const profile = this.#profile();
    if (!profile) return { kind: 'failed' };
    const parsed = parseJson(payload, this.#parts.json);
    if (!parsed.ok) return { kind: 'invalid', problem: parsed.error.problem };
    if (!isJsonObject(parsed.value)) return { kind: 'invalid', problem: 'the request must be a JSON object' };
    const client = keyList(parsed.value.clientKeys);
    const shared = keyList(parsed.value.sharedKeys);
    if (client === 'wrong' || shared === 'wrong')
      return { kind: 'invalid', problem: 'keys must be comma-separated text' };
    if (!this.#takeMessage(profile)) return { kind: 'rate-limited' };
    const found = await this.#find(client, shared);
    return { kind: 'answer', text: formatFound(found), found };
  }

  async readAttributes(
    clientKeys: readonly string[] | undefined,
    sharedKeys: readonly string[] | undefined,
  ): Promise<string> {
    return formatFound(await this.#find(clientKeys, sharedKeys));
  }

  async #find(
    clientKeys: readonly string[] | undefined,
    sharedKeys: readonly string[] | undefined,
  ): Promise<AttributesFound> {
    const all = clientKeys === undefined && sharedKeys === undefined;
    const { attributes, runner } = this.#parts;
    const id = this.#device.id;
    const read = async (scope: 'CLIENT_SCOPE' | 'SHARED_SCOPE', keys: readonly string[] | undefined) => {
      if (!all && keys === undefined) return undefined;
      const found = await attributes.read(id, scope, keys);
      return found.size === 0 ? undefined : found;
    };
    await runner.settled(this.#device.id); // a device reads what it wrote before
    const client = await read('CLIENT_SCOPE', clientKeys);
    const shared = await read('SHARED_SCOPE', sharedKeys);
    const keys = (clientKeys?.length ?? 0) + (sharedKeys?.length ?? 0);
    return { ...(client ? { client } : {}), ...(shared ? { shared } : {}), keys };
  }

  #takeTelemetry(profile: DeviceProfile, dataPoints: number): boolean {
    if (this.#meter) return this.#meter.takeTelemetry(profile, dataPoints);
    return this.#parts.limits.takeTelemetry(this.#device.id, profile, dataPoints);
  }

  #takeMessage(profile: DeviceProfile): boolean {
    return this.#meter ? this.#meter.takeMessage(profile) : this.#parts.limits.takeMessage(this.#device.id, profile);
  }

  #profile(): DeviceProfile | undefined {
    return this.#parts.profiles().byName(this.#device.profile);
  }

  #metadata(topic: string | undefined, ts?: string): Record<string, string> {
    const { name: deviceName, profile: deviceType } = this.#device;
    const metadata: Record<string, string> =
      ts === undefined ? { deviceName, deviceType } : { deviceName, deviceType, ts };
    if (topic !== undefined) metadata.mqttTopic = topic;
    return metadata;
  }

  /** The values that the profile lets in; undefined after `done` heard what does not fit. */
  #fit(read: Decoded<FittedValues>, done: UplinkDone, kind: MessageKind): JsonObject | undefined {
    if (!read.ok) {
      this.refuse(read.problem, done, kind);
      return undefined;
    }
    this.#left(read.value.left);
    return read.value.values;
  }

  /** Ids that the model of the profile let fall are counted. */
  #left(ids = 0): void {
    for (let at = 0; at < ids; at++) bump(this.#parts.counters.refusals, 'value:not-in-model');
  }

  /** One line a second and connection at most: the device hears no reason, and may send as fast as it likes. */
  #complain(problem: string): void {
    const now = this.#parts.clock.monotonic();
    if (this.#complainedAt !== undefined && now - this.#complainedAt < COMPLAINT_PAUSE_MS) return;
    this.#complainedAt = now;
    // Paths in a problem are made of the device's own keys.
    const shown = hideSupplyPoints(problem);
    this.#parts.log.info({ event: 'msg.invalid', device: this.#device.id, problem: shown }, 'payload refused');
  }

  #limited(done: UplinkDone, kind: MessageKind): void {
    countEnded(this.#parts.counters, 'rate-limited', this.#device.profile, kind);
    done(RATE_LIMITED);
  }
}

/** One answer for several messages, once the last has ended: the worst of theirs. */
function joinEnds(count: number, done: UplinkDone): (end: MessageEnd) => void {
  let left = count;
  let worst: MessageEnd = 'done';
  return (end) => {
    if (end === 'failed' || worst === 'done') worst = end;
    if (--left === 0) done(toResult(worst));
  };
}

function toResult(end: MessageEnd): UplinkResult {
  if (end === 'done') return STORED;
  return end === 'busy' ? RATE_LIMITED : FAILED;
}

const endOf =
  (done: UplinkDone) =>
  (end: MessageEnd): void =>
    done(toResult(end));
