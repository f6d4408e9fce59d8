import {
  type CallResult,
  type Device,
  type DeviceApi,
  encodeAttributesAnswer,
  encodeAttributesUpdate,
  encodeProvisionAnswer,
  encodeRpcAnswer,
  type ProvisionReply,
  readProvisionRequest,
  sendsProtobuf,
  type Uplink,
  type UplinkResult,
} from '../../device-api/index.ts';
import type { Clock } from '../../model/clock.ts';
import { type JsonLimits, parseJson, stringifyJson } from '../../model/json.ts';
import { type Answer, type Body, bytesBody, FORMATS, jsonBody, plain } from './answer.ts';
import { deviceOf, type Known } from './auth.ts';
import { blockOption } from './block.ts';
import { CODES, OPTIONS } from './codec.ts';
import type { Observed } from './device-observer.ts';
import type { Observers } from './observers.ts';
import { answerPackage } from './ota-resource.ts';
import { type CoapRequest, parameter } from './request.ts';
import { type Route, readRoute } from './routes.ts';
import { Uploads } from './uploads.ts';
import { answerOf } from './wire-errors.ts';

export interface ResourceParts {
  readonly deviceApi: DeviceApi;
  readonly observers: Observers;
  readonly clock: Clock;
  /** Largest body, bytes. */
  readonly maxPayloadBytes: number;
}

type Login = Extract<Known, { readonly kind: 'device' }>;
type DeviceRoute = Exclude<Route, { readonly kind: 'provision' | 'challenge' | 'none' }>;

/** Bodies in blocks of devices that are known, and of peers that ask for credentials. */
const MAX_UPLOADS_BYTES = 16_777_216;
const MAX_STRANGERS_BYTES = 1_048_576;
/** A certificate fits. */
const MAX_PROVISION_BYTES = 16_384;
const REGISTER = 0;
const DEREGISTER = 1;
/** What a request of the device may nest: the answer to a call is only looked at from outside. */
const ANSWER_LIMITS: JsonLimits = { maxDepth: 1_000 };
const OBJECT_START = /^\s*\{/;

/** ThingsBoard's CoAP device API (thingsboard-device-api 6.2, 2.8). An undefined answer: the peer hears nothing. */
export class Resources {
  readonly #parts: ResourceParts;
  readonly #uploads: Uploads;
  readonly #strangers: Uploads;

  constructor(parts: ResourceParts) {
    const { clock, maxPayloadBytes: maxBytes } = parts;
    this.#parts = parts;
    this.#uploads = new Uploads({ maxBytes, maxTotalBytes: MAX_UPLOADS_BYTES }, clock);
    const most = Math.min(maxBytes, MAX_PROVISION_BYTES);
    this.#strangers = new Uploads({ maxBytes: most, maxTotalBytes: MAX_STRANGERS_BYTES }, clock);
  }

  async answer(request: CoapRequest): Promise<Answer | undefined> {
    const route = readRoute(request);
    if (route.kind === 'none') return plain(route.code);
    if (route.kind === 'challenge') return content(jsonBody(this.#parts.deviceApi.challenge()));
    if (route.kind === 'provision') {
      return whenWhole(this.#strangers, request, (payload) => this.#provision(payload, request.peer.address));
    }
    const login = await deviceOf(this.#parts.deviceApi, route.token, request.peer);
    if (login.kind === 'refused') return login.answer;
    return whenWhole(this.#uploads, request, (payload) => this.#forDevice(route, login, request, payload));
  }

  async #provision(payload: Buffer, address: string): Promise<Answer | undefined> {
    const { deviceApi } = this.#parts;
    const translated = OBJECT_START.test(payload.toString('latin1', 0, 64)) ? undefined : readProvisionRequest(payload);
    const protobuf = payload.length > 0 ? translated : undefined;
    const reply: ProvisionReply = await deviceApi.provision(protobuf ?? payload, address);
    switch (reply.kind) {
      case 'answer': {
        const code = reply.status === 'SUCCESS' ? CODES.created : CODES.badRequest;
        const body = protobuf ? bytesBody(encodeProvisionAnswer(reply.text), FORMATS.bytes) : jsonBody(reply.text);
        return { code, body };
      }
      case 'not-json':
      case 'wrong-form':
        return plain(CODES.badRequest);
      case 'unavailable':
        return plain(CODES.internalError);
      case 'hang-up':
        return undefined;
    }
  }

  async #forDevice(
    route: DeviceRoute,
    login: Login,
    request: CoapRequest,
    payload: Buffer,
  ): Promise<Answer | undefined> {
    const { deviceApi } = this.#parts;
    const { device } = login;
    const uplink = deviceApi.uplink(device);
    switch (route.kind) {
      case 'telemetry':
      case 'post-attributes':
        return taken((done) => {
          const kind = route.kind === 'telemetry' ? 'telemetry' : 'attributes';
          const json = uplink.readable(kind, payload, 'profile', done);
          if (json) uplink[kind](json, done);
        });
      case 'claim':
        return this.#claim(uplink, payload);
      case 'get-attributes':
        return this.#observed('attributes', login, request, (first) => this.#attributes(uplink, login, request, first));
      case 'calls':
        if (request.observe === undefined) return plain(CODES.badRequest, 'calls are observed: GET with Observe');
        return this.#observed('rpc', login, request, async () =>
          uplink.takeMessage('subscribe') ? plain(CODES.valid) : answerOf({ kind: 'rate-limited' }),
        );
      case 'call':
        return this.#call(uplink, login, payload);
      case 'call-answer':
        return this.#respond(uplink, device, route.id, payload);
      case 'firmware':
      case 'software':
        return answerPackage(route.kind, device, deviceApi.ota, request);
    }
  }

  async #claim(uplink: Uplink, payload: Buffer): Promise<Answer> {
    let refused: UplinkResult | undefined;
    const json =
      payload.length === 0
        ? payload
        : uplink.readable('claim', payload, 'profile', (result) => {
            refused = result;
          });
    return answerOf(json ? await uplink.claim(json) : (refused ?? { kind: 'failed' }));
  }

  async #observed(
    what: Observed,
    login: Login,
    request: CoapRequest,
    get: (first: boolean) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const { observers } = this.#parts;
    if (request.observe === REGISTER) return observers.register(what, login, request, () => get(true));
    if (request.observe !== DEREGISTER) return get(false);
    await observers.deregister(what, login.device.id, request);
    return plain(CODES.deleted);
  }

  /** @param first of an observation: all shared attributes, in the form of an update (3.6). */
  async #attributes(uplink: Uplink, { profile }: Login, request: CoapRequest, first: boolean): Promise<Answer> {
    const asked = first
      ? {}
      : { clientKeys: parameter(request, 'clientKeys'), sharedKeys: parameter(request, 'sharedKeys') };
    const result = await uplink.requestAttributes(Buffer.from(JSON.stringify(asked)));
    if (result.kind !== 'answer') return answerOf(result);
    const { found, text } = result;
    const protobuf = sendsProtobuf('profile', false, profile);
    if (first) {
      const shared = Object.fromEntries([...(found.shared ?? [])].map(([key, { value }]) => [key, value]));
      const update = { kind: 'shared-attributes', text: stringifyJson(shared) } as const;
      return content(
        protobuf
          ? bytesBody(encodeAttributesUpdate(update, this.#parts.clock.now()), FORMATS.bytes)
          : jsonBody(update.text),
      );
    }
    if (!found.client && !found.shared) return plain(CODES.notFound);
    return content(protobuf ? bytesBody(encodeAttributesAnswer('0', found), FORMATS.bytes) : jsonBody(text));
  }

  async #call(uplink: Uplink, { device, profile }: Login, payload: Buffer): Promise<Answer> {
    const { deviceApi } = this.#parts;
    return new Promise<Answer>((resolve) => {
      const done = (result: CallResult): void => {
        if (result.kind !== 'stored') resolve(answerOf(result));
      };
      const json = uplink.readable('rpc-call', payload, 'profile', done);
      if (!json) return;
      deviceApi.rpcUplink(device).call({ id: '0', payload: json }, done, (text) => {
        const protobuf = sendsProtobuf('profile', false, profile);
        resolve(content(protobuf ? bytesBody(encodeRpcAnswer('0', text), FORMATS.bytes) : jsonBody(text)));
      });
    });
  }

  #respond(uplink: Uplink, device: Device, id: number, payload: Buffer): Promise<Answer> {
    return taken((done) => {
      const json = uplink.readable('rpc-answer', payload, 'profile', done);
      if (!json) return;
      const parsed = parseJson(json, ANSWER_LIMITS);
      if (!parsed.ok || !OBJECT_START.test(Buffer.from(json).toString('latin1', 0, 64))) {
        uplink.refuse('the answer must be a JSON object', done);
        return;
      }
      this.#parts.deviceApi.rpcUplink(device).respond(id, json, done);
    });
  }
}

const content = (body: Body): Answer => ({ code: CODES.content, body });

const taken = (run: (done: (result: UplinkResult) => void) => void): Promise<Answer> =>
  new Promise<UplinkResult>(run).then(answerOf);

/** Runs once the body is whole; its last block is named in the answer (RFC 7959 2.3). */
async function whenWhole(
  uploads: Uploads,
  request: CoapRequest,
  run: (payload: Buffer) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  const upload = uploads.take(request);
  if (upload.kind === 'answer') return upload.answer;
  const answer = await run(upload.payload);
  const { block1 } = request;
  if (!answer || !block1) return answer;
  return { ...answer, options: [...(answer.options ?? []), blockOption(OPTIONS.block1, { ...block1, more: false })] };
}
