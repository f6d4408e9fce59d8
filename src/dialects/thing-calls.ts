import type { CallToDevice, DeviceApi, Downlink, FittedCall, RpcUplink } from '../device-api/index.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson, stringifyJson } from '../model/json.ts';
import { isOtaKey } from './attributes.ts';
import { methodOf, type ThingContext } from './operation.ts';
import { CHILD_ENABLED, childNotice } from './wire/child-notice.ts';
import { REPLY_CODES } from './wire/codes.ts';
import { formatRequest, readReply } from './wire/envelope.ts';

type Send = (topic: string, payload: string | Buffer) => boolean;

/** A method that names a topic below the device's own: `thing.config.push`, or a service: `restart`, `property/set`. */
const METHOD = /^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+){0,4}$/;
const RRPC = 'rrpc';
const DOWN_RAW = 'thing.model.down_raw';
const RAW_REPLIES: ReadonlySet<string> = new Set([DOWN_RAW, 'thing.model.up_raw_reply']);
const REPLY = '_reply';
const SERVICE = /^thing\/service\/([A-Za-z0-9_-]+)$/;
const RAW_REPLY = 'thing/model/down_raw_reply';
const RRPC_RESPONSE = /^(?:rrpc\/response\/(\d{1,10})|ext\/rrpc\/(\d{1,10})\/.+)$/;
/** Methods whose topic is not one of a service: `thing.config.push`, `traffic.control`. */
const OWN_TOPIC = /^(?:thing\.|traffic\.control$)/;

/** Calls of the server to one device, and attributes that it is set to: no subscription is asked for. */
export class ThingCalls {
  readonly #thing: ThingContext;
  readonly #send: Send;
  readonly #uplink: RpcUplink;
  #unlisten: (() => void) | undefined;
  #pushes = 0;
  /** The last call with raw bytes: their reply names none. */
  #rawCall: number | undefined;

  constructor(thing: ThingContext, send: Send) {
    this.#thing = thing;
    this.#send = send;
    this.#uplink = thing.api.rpcUplink(thing.device);
  }

  opened(): void {
    const { api, device } = this.#thing;
    this.#unlisten ??= api.rpc.listen(device.id, { send: (call) => this.#call(api, call) });
  }

  closed(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
  }

  /** Shared attributes, as properties or measurepoints that are to be set. */
  push({ text, deleted }: Downlink): boolean {
    if (deleted) return true; // neither dialect has a message for it
    const values = parseJson(text, this.#thing.api.things.json);
    if (!values.ok || !isJsonObject(values.value)) return true;
    const own = Object.entries(values.value).filter(([key]) => !isOtaKey(key));
    if (Object.hasOwn(values.value, 'fw_version')) this.#thing.ota.offer();
    if (own.length === 0) return true;
    const what = this.#thing.dialect === 'enos' ? 'measurepoint' : 'property';
    const path = `thing/service/${what}/set`;
    const id = `set-${this.#pushes++}`; // no number: its reply is none to a call
    return this.#send(this.#topic(path), formatRequest(id, methodOf(path), Object.fromEntries(own)));
  }

  isAnswer(path: string): boolean {
    return path.endsWith(REPLY) || RRPC_RESPONSE.test(path);
  }

  /** The answer to a call. What answers none is taken and dropped. */
  answer(path: string, payload: Buffer): Promise<boolean> {
    const [, system, custom] = RRPC_RESPONSE.exec(path) ?? [];
    const rrpc = system ?? custom;
    if (rrpc !== undefined) return this.#respond(rrpc, payload);
    if (path === RAW_REPLY) return this.#rawAnswer(payload);
    const parsed = parseJson(payload, this.#thing.api.things.json);
    const reply = parsed.ok ? readReply(parsed.value) : undefined;
    if (!reply || !/^\d{1,10}$/.test(reply.id)) return Promise.resolve(true);
    const { code, data = {}, message } = reply;
    const error = { code, ...(message === undefined ? {} : { message }) };
    const fitted = this.#fit(path.slice(0, -REPLY.length), 'output', data);
    const answer = code !== 200 ? { error } : fitted.ok ? fitted.values : this.#wrong(fitted.problem);
    return this.#respond(reply.id, Buffer.from(stringifyJson(answer)));
  }

  #rawAnswer(payload: Buffer): Promise<boolean> {
    const call = this.#rawCall;
    this.#rawCall = undefined;
    if (call === undefined) return Promise.resolve(true);
    return this.#respond(String(call), Buffer.from(JSON.stringify({ raw: payload.toString('base64') })));
  }

  #respond(id: string, payload: Buffer): Promise<boolean> {
    return new Promise((resolve) =>
      this.#uplink.respond(Number(id), payload, ({ kind }) => resolve(kind !== 'failed')),
    );
  }

  #call(api: DeviceApi, { id, method, params }: CallToDevice): 'delivered' | 'refused' {
    if (!METHOD.test(method)) {
      this.#misfit(api, id, { error: { message: `the method ${method.slice(0, 64)} can be no topic` } });
      return 'delivered';
    }
    if (method === RRPC) return this.#sent(this.#topic(`rrpc/request/${id}`), textOf(params));
    if (RAW_REPLIES.has(method)) {
      if (method === DOWN_RAW) this.#rawCall = id;
      return this.#sent(this.#topic(method.replaceAll('.', '/')), Buffer.from(textOf(params), 'base64'));
    }
    const parsed = parseJson(params, api.things.json);
    const value: JsonValue = (parsed.ok ? parsed.value : null) ?? {};
    if (method === CHILD_ENABLED) return this.#enabled(api, id, value);
    if (this.#thing.dialect === 'alibaba' && /^rrpc[./]/.test(method)) return this.#custom(id, method, params);
    const path = OWN_TOPIC.test(method) ? method.replaceAll('.', '/') : servicePath(method);
    const fitted = this.#fit(path, 'input', value);
    if (fitted.ok) return this.#sent(this.#topic(path), formatRequest(String(id), methodOf(path), fitted.values));
    this.#misfit(api, id, this.#wrong(fitted.problem));
    return 'delivered';
  }

  /** A synchronous call on a topic of the device's own, outside `/sys`. */
  #custom(id: number, method: string, params: string): 'delivered' | 'refused' {
    const { productKey, deviceKey } = this.#thing;
    const path = method.slice('rrpc.'.length).replaceAll('.', '/');
    return this.#sent(`/ext/rrpc/${id}/${productKey}/${deviceKey}/${path}`, textOf(params));
  }

  /** To a gateway, of its sub-device. */
  #enabled(api: DeviceApi, id: number, params: JsonValue): 'delivered' | 'refused' {
    const productKey = isJsonObject(params) ? params.productKey : undefined;
    const deviceKey = isJsonObject(params) ? params.deviceKey : undefined;
    if (typeof productKey !== 'string' || typeof deviceKey !== 'string') {
      this.#misfit(api, id, { error: { message: 'the params name no sub-device' } });
      return 'delivered';
    }
    const { topic, payload } = childNotice(this.#thing, { productKey, deviceKey }, 'enable', String(id));
    return this.#sent(topic, payload);
  }

  #sent(topic: string, payload: string | Buffer): 'delivered' | 'refused' {
    return this.#send(topic, payload) ? 'delivered' : 'refused';
  }

  /** What the thing model says of a service's call, or of its answer. */
  #fit(path: string, part: 'input' | 'output', values: JsonValue): FittedCall {
    const { api, device } = this.#thing;
    const service = SERVICE.exec(path)?.[1];
    const check = service === undefined ? undefined : api.profile(device.profile)?.model?.service;
    return service !== undefined && check ? check(service, part, values) : { ok: true, values };
  }

  #wrong(message: string): JsonObject {
    return { error: { code: REPLY_CODES[this.#thing.dialect].invalidParams, message } };
  }

  /** It never reaches the device: its caller hears why, once it waits. */
  #misfit(api: DeviceApi, callId: number, told: JsonObject): void {
    const { device } = this.#thing;
    const answer = Buffer.from(stringifyJson(told));
    api.things.log.info({ event: 'thing.call', device: device.id, told }, 'a call cannot be made');
    setImmediate(() => void api.rpc.answer(device.id, callId, answer).catch(() => {}));
  }

  #topic(path: string): string {
    const { productKey, deviceKey } = this.#thing;
    return `/sys/${productKey}/${deviceKey}/${path}`;
  }
}

const servicePath = (method: string): string => `thing/service/${method.replaceAll('.', '/')}`;

/** A JSON text's own characters; other values as JSON. */
function textOf(params: string): string {
  try {
    const value: unknown = JSON.parse(params);
    return typeof value === 'string' ? value : params;
  } catch {
    return params;
  }
}
