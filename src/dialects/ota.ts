import { BrokerError } from '../errors.ts';
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import { saveClient } from './attributes.ts';
import type { Answer, Operation, ThingContext, ThingFirmware, ThingRequest } from './operation.ts';
import { answered, unreadable } from './uplinks.ts';
import { own } from './values.ts';
import { formatRequest } from './wire/envelope.ts';

/** What devices report goes to this client attribute, and is what they are compared by. */
const REPORTED = 'fw_version';
const TARGET = ['fw_title', 'fw_version', 'fw_size', 'fw_checksum', 'fw_checksum_algorithm', 'fw_url'] as const;
const MAX_VERSION = 255;

/** Firmware that a device is to install: what it is told of. */
interface Upgrade {
  readonly version: string;
  readonly url: string;
  readonly size: JsonValue;
  /** As EnOS and Alibaba spell it: `md5`, `sha256`. */
  readonly method: string;
  readonly checksum: string;
}

/** Firmware of one device: what it reports, and what it is told to install (registration-protocols 2, OTA). */
export class ThingOta implements ThingFirmware {
  readonly #thing: ThingContext;
  readonly #send: (topic: string, payload: string) => boolean;
  /** Clients in C name their topics by another form, and listen there. */
  #shortTopics: boolean;
  #pushes = 0;

  constructor(thing: ThingContext, send: (topic: string, payload: string) => boolean) {
    this.#thing = thing;
    this.#send = send;
    this.#shortTopics = thing.dialect === 'alibaba';
  }

  /** The version that is installed. What is to be installed instead follows the reply. */
  async inform(request: ThingRequest): Promise<Answer> {
    const { params, topic } = request;
    const thing = this.#thing;
    const version = isJsonObject(params) ? own(params, 'version') : undefined;
    if (typeof version !== 'string' || version === '' || version.length > MAX_VERSION) {
      return unreadable(thing, '"version" must be a text');
    }
    this.#shortTopics = isShort(topic);
    const { target, reported } = await this.#state();
    const saved = await saveClient(thing, request, { [REPORTED]: version });
    if (saved.kind !== 'reply' || saved.code !== 'ok') return saved;
    const arrived = target?.version === version && reported !== version;
    const values = { current_fw_version: version, ...(arrived ? { fw_state: 'UPDATED', fw_progress: 100 } : {}) };
    const posted = await this.#report(values, topic);
    return posted.kind === 'reply' ? this.#silent({ ...posted, after: () => this.offer() }) : posted;
  }

  /** Percent, or a negative number for what went wrong. */
  async progress({ params, topic }: ThingRequest): Promise<Answer> {
    const step = isJsonObject(params) ? own(params, 'step') : undefined;
    const number = typeof step === 'string' && step !== '' ? Number(step) : step instanceof ExactNumber ? NaN : step;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < -100 || number > 100) {
      return unreadable(this.#thing, '"step" must be a number from -100 to 100');
    }
    const desc = isJsonObject(params) ? own(params, 'desc') : undefined;
    const text = typeof desc === 'string' ? desc.slice(0, 1_000) : '';
    if (number >= 0) {
      const state = number === 100 ? 'DOWNLOADED' : 'DOWNLOADING';
      return this.#silent(await this.#report({ fw_state: state, fw_progress: number }, topic));
    }
    const fault = FAULTS[number] ?? 'FAILED';
    const error = text === '' ? fault : `${fault}: ${text}`;
    return this.#silent(await this.#report({ fw_state: 'FAILED', fw_error: error }, topic));
  }

  /** The device asks what to install. */
  async request({ topic, path }: ThingRequest): Promise<Answer> {
    const { target } = await this.#state();
    if (isShort(topic)) return { kind: 'none', after: () => this.offer() };
    if (!target) return { kind: 'reply', code: 'ok', data: path.endsWith('getversion') ? [] : {} };
    const data = this.#describe(target);
    return { kind: 'reply', code: 'ok', data: path.endsWith('getversion') ? [data] : data };
  }

  /** Tells a device that has reported another version than it is to have. */
  offer(): void {
    this.#state().then(
      ({ target, reported }) => {
        if (!target || reported === undefined || reported === target.version) return;
        const { productKey, deviceKey } = this.#thing;
        const id = `ota-${this.#pushes++}`;
        const data = this.#describe(target);
        if (this.#shortTopics) {
          const body = { code: '1000', data, id: this.#pushes, message: 'success' };
          this.#send(`/ota/device/upgrade/${productKey}/${deviceKey}`, stringifyJson(body));
        } else {
          const topic = `/sys/${productKey}/${deviceKey}/ota/device/upgrade`;
          this.#send(topic, formatRequest(id, 'ota.device.upgrade', data));
        }
      },
      (error: unknown) => {
        const { api, device } = this.#thing;
        api.things.log.error({ event: 'thing.ota', device: device.id, err: BrokerError.from(error) }, 'not offered');
      },
    );
  }

  #describe({ version, url, size, method, checksum }: Upgrade): JsonObject {
    if (this.#thing.dialect === 'enos')
      return { version, signMethod: method, sign: checksum, fileUrl: url, fileSize: size };
    const md5 = method === 'md5' ? { md5: checksum } : {};
    const signMethod = method === 'md5' ? 'Md5' : method.toUpperCase();
    return { size, version, url, ...md5, signMethod, sign: checksum };
  }

  async #state(): Promise<{ readonly target?: Upgrade; readonly reported?: string }> {
    const { api, device } = this.#thing;
    const reported = (await api.things.readAttributes(device.id, 'CLIENT_SCOPE', [REPORTED])).get(REPORTED)?.value;
    const shared = await api.things.readAttributes(device.id, 'SHARED_SCOPE', TARGET);
    const text = (key: (typeof TARGET)[number]): string | undefined => {
      const value = shared.get(key)?.value;
      return typeof value === 'string' ? value : undefined;
    };
    const version = text('fw_version');
    const url = text('fw_url') ?? this.#link();
    const known = typeof reported === 'string' ? { reported } : {};
    if (version === undefined || url === undefined) return known;
    const size = shared.get('fw_size')?.value ?? 0;
    const method = (text('fw_checksum_algorithm') ?? '').toLowerCase();
    return { ...known, target: { version, url, size, method, checksum: text('fw_checksum') ?? '' } };
  }

  #link(): string | undefined {
    const { api, device } = this.#thing;
    const base = api.profile(device.profile)?.thing?.downloadUrl;
    return base === undefined ? undefined : `${base}/ota/${api.ota.link(device, 'firmware')}`;
  }

  #report(values: JsonObject, topic: string): Promise<Answer> {
    const { api, uplink } = this.#thing;
    const sample = { ts: api.things.clock.now(), values };
    return answered(this.#thing, (done) => uplink.telemetryJson(sample, done, { topic }));
  }

  /** Alibaba has no replies on its topics of firmware. */
  #silent(answer: Answer): Answer {
    if (answer.kind !== 'reply' || !this.#shortTopics) return answer;
    return { kind: 'none', ...(answer.after ? { after: answer.after } : {}) };
  }
}

const isShort = (topic: string): boolean => topic.startsWith('/ota/');

const FAULTS: Readonly<Record<number, string>> = {
  [-2]: 'DOWNLOAD_FAILED',
  [-3]: 'VERIFY_FAILED',
  [-4]: 'WRITE_FAILED',
  [-5]: 'IGNORED',
};

const inform: Operation = (thing, request) => thing.ota.inform(request);
const progress: Operation = (thing, request) => thing.ota.progress(request);
const request: Operation = (thing, asked) => thing.ota.request(asked);

/** The same in both dialects. */
export const OTA_OPERATIONS = [
  ['ota/device/inform', inform],
  ['ota/device/progress', progress],
  ['ota/device/request', request],
  ['ota/device/getversion', request],
  ['thing/ota/firmware/get', request],
] as const satisfies readonly (readonly [string, Operation])[];
