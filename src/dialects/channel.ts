import type { Device, DeviceApi, DeviceProfile, UplinkEvent, UplinkPart, UplinkResult } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { readMeasurepoints } from './enos/measurepoints.ts';
import { joinAnswers } from './join-answers.ts';
import { type Answer, refuse } from './operation.ts';
import { readRequest } from './read-request.ts';
import type { ThingVerdict } from './thing-session.ts';
import { answered, unreadable } from './uplinks.ts';
import { type Decoded, decoded, NO_TIME, own, problem, timeOf } from './values.ts';
import { REPLY_CODES } from './wire/codes.ts';
import { type Envelope, formatReply } from './wire/envelope.ts';

export interface ChannelParts {
  readonly api: DeviceApi;
  readonly profile: () => DeviceProfile | undefined;
  readonly productKey: string;
  readonly send: (topic: string, payload: string | Buffer) => boolean;
}

/** The integration channel of a product: a back end that publishes for all its devices (registration-protocols 2). */
export interface Channel {
  publish(topic: string, payload: Buffer, done: (verdict: ThingVerdict) => void): void;
}

type Uplink = ReturnType<DeviceApi['uplink']>;
interface Post {
  readonly part: UplinkPart;
  readonly run: (uplink: Uplink, done: (result: UplinkResult) => void) => void;
}

/** Items of one request. */
const MAX_ITEMS = 1_000;
/** Bytes, and no envelope. */
const RAW = 'integration/model/up_raw';
const EVENT_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Reads one item: what it becomes of its device. */
const KINDS: ReadonlyMap<string, (item: JsonObject, now: number, topic: string) => Decoded<readonly Post[]>> = new Map([
  ['integration/measurepoint/post', measurepoints],
  ['integration/event/post', events],
  ['integration/attribute/post', attributes],
]);

export function createChannel({ api, profile, productKey, send }: ChannelParts): Channel {
  const prefix = `/sys/${productKey}/`;
  const { clock, json, log } = api.things;
  /** Requests are handed over in the order they came, although their devices have to be found first. */
  let handedOver: Promise<unknown> = Promise.resolve();

  const find = async (item: JsonValue, known: Map<string, Uplink>): Promise<Uplink | undefined> => {
    const deviceKey = isJsonObject(item) ? own(item, 'deviceKey') : undefined;
    if (typeof deviceKey !== 'string') return undefined;
    const found = known.get(deviceKey);
    if (found) return found;
    const device: Device | undefined = await api.things.find({ productKey, deviceKey });
    const uplink = device && api.uplink(device);
    if (uplink) known.set(deviceKey, uplink);
    return uplink;
  };

  /** Nothing is handed over before all of it can be. */
  const read = async (
    path: string,
    topic: string,
    params: JsonValue | undefined,
  ): Promise<readonly Sending[] | Answer> => {
    const kind = KINDS.get(path);
    if (!kind) return refuse('unknownTopic', 'the topic has no meaning');
    if (!Array.isArray(params) || params.length > MAX_ITEMS) {
      return refuse('invalidParams', `"params" must be a list of ${MAX_ITEMS} items at most`);
    }
    const known = new Map<string, Uplink>();
    const sendings: Sending[] = [];
    for (const item of params) {
      const posts = isJsonObject(item)
        ? kind(item, clock.now(), topic)
        : problem<readonly Post[]>('an item must be an object');
      if (!posts.ok) return refuse('invalidParams', posts.problem);
      const uplink = await find(item, known);
      if (!uplink) return refuse('unknownDevice', 'a device of the request is not known');
      for (const { part, run } of posts.value) {
        const fault = uplink.fault(part);
        if (fault !== undefined) return unreadable({ uplink }, fault);
        sendings.push({ uplink, run });
      }
    }
    return sendings;
  };

  const readRaw = async (topic: string, payload: Buffer): Promise<readonly Sending[] | Answer> => {
    const deviceKey = profile()?.thing?.rawDevice;
    if (deviceKey === undefined) return refuse('noHandler', 'the profile names no device for raw bytes');
    const device = await api.things.find({ productKey, deviceKey });
    if (!device) return refuse('unknownDevice', 'the device for raw bytes is not known');
    const data = { raw: payload.toString('base64') };
    return [{ uplink: api.uplink(device), run: (up, done) => up.event({ type: 'RAW_DATA', data }, done, topic) }];
  };
  /** Reads behind what came before it, and sends. */
  const handOver = async (reading: () => Promise<readonly Sending[] | Answer>): Promise<Answer> => {
    const sendings = handedOver.then(reading);
    const ends = sendings.then(async (all) => ('kind' in all ? all : joinAnswers(await Promise.all(all.map(sendOne)))));
    handedOver = sendings.catch(() => {});
    return ends;
  };

  const finish = (
    topic: string,
    { id, wantsReply }: Pick<Envelope, 'id' | 'wantsReply'>,
    answer: Answer,
  ): ThingVerdict => {
    if (answer.kind !== 'reply') return 'close';
    const { code, data, message } = answer;
    if (wantsReply) send(`${topic}_reply`, formatReply(id, REPLY_CODES.enos[code], data, message));
    return 'done';
  };

  const run = async (topic: string, payload: Buffer): Promise<ThingVerdict> => {
    const path = topic.slice(prefix.length);
    const max = profile()?.thing?.maxPayloadBytes ?? 0;
    if (payload.length > max) return finish(topic, NOBODY, refuse('tooLarge', `more than ${max} bytes`));
    if (path === RAW) return finish(topic, NOBODY, await handOver(() => readRaw(topic, payload)));
    const request = readRequest(payload, path, json);
    if (!request.ok) return finish(topic, request.to, request.refusal);
    const { envelope } = request;
    return finish(topic, envelope, await handOver(() => read(path, topic, envelope.params)));
  };

  return {
    publish(topic, payload, done) {
      if (!topic.startsWith(`${prefix}integration/`)) {
        done('close');
        return;
      }
      run(topic, Buffer.from(payload)).then(done, (error: unknown) => {
        log.error({ event: 'channel.publish', productKey, err: BrokerError.from(error) }, 'not handled');
        done('close');
      });
    },
  };
}

interface Sending {
  readonly uplink: Uplink;
  readonly run: Post['run'];
}

const NOBODY = { id: '', wantsReply: true } as const;

const sendOne = ({ uplink, run }: Sending): Promise<Answer> => answered({ uplink }, (done) => run(uplink, done));

function measurepoints(item: JsonObject, now: number, topic: string): Decoded<readonly Post[]> {
  const sample = readMeasurepoints(item, now);
  if (!sample.ok) return sample;
  const json = sample.value;
  return decoded([
    { part: { kind: 'telemetry', json }, run: (uplink, done) => uplink.telemetryJson(json, done, { topic }) },
  ]);
}

function attributes(item: JsonObject, _now: number, topic: string): Decoded<readonly Post[]> {
  const json = own(item, 'attributes');
  if (!isJsonObject(json)) return problem('"attributes" must be an object');
  return decoded([
    { part: { kind: 'attributes', json }, run: (uplink, done) => uplink.attributesJson(json, done, { topic }) },
  ]);
}

/** `{events: {id: {…}}, time}`: a message for each. */
function events(item: JsonObject, now: number, topic: string): Decoded<readonly Post[]> {
  const all = own(item, 'events');
  if (!isJsonObject(all)) return problem('"events" must be an object');
  const time = timeOf(item, now);
  if (time === undefined) return problem(NO_TIME);
  const posts: Post[] = [];
  for (const [id, value] of Object.entries(all)) {
    if (!EVENT_ID.test(id)) return problem('the name of an event has letters, digits, "_" and "-" only');
    const event: UplinkEvent = { type: `EVENT_${id}`, data: isJsonObject(value) ? value : { value }, time };
    posts.push({ part: { kind: 'event', event }, run: (uplink, done) => uplink.event(event, done, topic) });
  }
  return decoded(posts);
}
