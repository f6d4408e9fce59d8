import { randomBytes } from 'node:crypto';
import type {
  CloseReason,
  Device,
  DeviceApi,
  DeviceLink,
  Downlink,
  LoginResult,
  OpenSession,
  ThingIdentity,
} from '../../device-api/index.ts';
import { createThingSession, type ThingSession, type ThingVerdict } from '../../dialects/index.ts';

/** Something for the device that rides in the headers of an answer. */
export interface Command {
  readonly topic: string;
  /** JSON in ASCII. */
  readonly payload: string;
}

export interface Answered {
  readonly verdict: ThingVerdict;
  readonly reply: string | undefined;
  readonly command: Command | undefined;
}

type Login = Extract<LoginResult, { kind: 'device' }> & { readonly thing: ThingIdentity };

/** Sessions of all devices; and what one of them has waiting. */
const MAX_SESSIONS = 100_000;
const MAX_COMMANDS = 16;
/** Clients and proxies take no larger headers. */
const MAX_COMMAND_BYTES = 8_192;

/** A device that logged in over HTTP: it is there until it has been silent for its lifetime. */
export class HttpThing implements DeviceLink {
  readonly device: Device;
  readonly id = randomBytes(24).toString('base64url');
  readonly #session: ThingSession;
  readonly #open: OpenSession;
  readonly #commands: Command[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #ended: (id: string) => void;
  #request: { readonly topic: string; reply: string | undefined } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(api: DeviceApi, { device, profile, thing }: Login, lifetimeMs: number, ended: (id: string) => void) {
    this.device = device;
    this.#ended = ended;
    this.#session = createThingSession({
      api,
      device,
      thing,
      profile: () => api.profile(device.profile) ?? profile,
      send: (topic, payload) => this.#take(topic, payload),
    });
    this.#timer = setTimeout(() => this.#end(), lifetimeMs);
    this.#timer.unref();
    this.#open = api.openSession(device, this);
    this.#session.opened();
  }

  /** One request at a time, so that each gets its own reply. */
  publish(topic: string, payload: Buffer): Promise<Answered> {
    this.#timer.refresh();
    this.#open.seen();
    const answer = this.#turn.then(() => this.#publish(topic, payload));
    this.#turn = answer;
    return answer;
  }

  async #publish(topic: string, payload: Buffer): Promise<Answered> {
    const request = { topic, reply: undefined as string | undefined };
    this.#request = request;
    const verdict = await new Promise<ThingVerdict>((done) => this.#session.publish(topic, payload, done));
    this.#request = undefined;
    return { verdict, reply: request.reply, command: this.#commands.shift() };
  }

  send(downlink: Downlink): boolean {
    return this.#session.send(downlink);
  }

  close(_reason: CloseReason): void {
    this.#end();
  }

  #take(topic: string, payload: string | Buffer): boolean {
    if (this.#request && topic === `${this.#request.topic}_reply`) {
      this.#request.reply = String(payload);
      return true;
    }
    const text = toAscii(String(payload));
    if (this.#commands.length >= MAX_COMMANDS || text.length > MAX_COMMAND_BYTES) return false;
    this.#commands.push({ topic, payload: text });
    return true;
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#ended(this.id);
    this.#session.closed();
    this.#open.close();
  }
}

/** Live sessions over HTTP, by their ids. */
export class HttpThings {
  readonly #api: DeviceApi;
  readonly #all = new Map<string, HttpThing>();

  constructor(api: DeviceApi) {
    this.#api = api;
  }

  /** Undefined: there are too many. */
  open(login: Login, lifetimeMs: number): HttpThing | undefined {
    if (this.#all.size >= MAX_SESSIONS) return undefined;
    const thing = new HttpThing(this.#api, login, lifetimeMs, (id) => void this.#all.delete(id));
    this.#all.set(thing.id, thing);
    return thing;
  }

  get(id: string): HttpThing | undefined {
    return this.#all.get(id);
  }

  close(): void {
    for (const thing of [...this.#all.values()]) thing.close('shutting-down');
  }
}

/** JSON whose other characters are escaped: a header takes no more. */
const toAscii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
