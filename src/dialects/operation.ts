import type {
  ChildLogin,
  ChildName,
  ChildResult,
  ChildVerified,
  Device,
  DeviceApi,
  Uplink,
} from '../device-api/index.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { ReplyCode } from './wire/codes.ts';
import type { SigningDialect } from './wire/dialect.ts';

/** What became of a request of a device. */
export type Answer =
  | {
      readonly kind: 'reply';
      readonly code: ReplyCode;
      readonly data?: JsonValue;
      readonly message?: string;
      /** What follows the reply. */
      readonly after?: () => void;
    }
  /** A message of another form than a reply. */
  | { readonly kind: 'send'; readonly topic: string; readonly payload: string }
  | { readonly kind: 'none'; readonly after?: () => void }
  /** It could not be stored: nothing is acknowledged. */
  | { readonly kind: 'close' };

export type Refusal = Extract<Answer, { kind: 'reply' }>;

/** One request, read. `body` is all of its envelope. */
export interface ThingRequest {
  readonly topic: string;
  readonly path: string;
  readonly params: JsonValue | undefined;
  readonly body: JsonObject;
}

/** A device as operations see it: the one that connected, or a sub-device of it. */
export interface ThingContext {
  readonly api: DeviceApi;
  readonly dialect: SigningDialect;
  readonly productKey: string;
  readonly deviceKey: string;
  readonly device: Device;
  readonly uplink: Uplink;
  /** Of a connection; a sub-device has none. */
  readonly children: ChildSessions | undefined;
  readonly ota: ThingFirmware;
}

/** Firmware of one device. */
export interface ThingFirmware {
  inform(request: ThingRequest): Promise<Answer>;
  progress(request: ThingRequest): Promise<Answer>;
  request(request: ThingRequest): Promise<Answer>;
  /** Tells the device what it is to install, when that is not what it has reported. */
  offer(): void;
}

/** The sub-devices of a gateway's connection. */
export interface ChildSessions {
  /** One that is logged in. */
  get(name: ChildName): ThingContext | undefined;
  /** Those of the gateway's topology, whether they are logged in or not. */
  offline(): Promise<(name: ChildName) => Pick<ThingContext, 'uplink'> | undefined>;
  login(child: ChildLogin): Promise<ChildResult>;
  /** Ends its session; false when it had none. */
  logout(name: ChildName): boolean;
  register(child: ChildName): Promise<ChildResult>;
  /** The device that signed this; it gets no session. */
  verify(child: ChildLogin): Promise<ChildVerified>;
}

/** What a path means. Uplinks are handed over before it first waits, so that messages stay in order. */
export type Operation = (thing: ThingContext, request: ThingRequest) => Promise<Answer>;

/** Paths that stand for themselves, and those with a name in them. */
export interface Operations {
  readonly exact: ReadonlyMap<string, Operation>;
  readonly named: readonly { readonly path: RegExp; readonly run: Operation }[];
}

export function operationFor({ exact, named }: Operations, path: string): Operation | undefined {
  return exact.get(path) ?? named.find((one) => one.path.test(path))?.run;
}

/** The method that a request on a path names. */
export const methodOf = (path: string): string => path.replaceAll('/', '.');

/**
 * Whether a request may name this method. A shadow has methods of its own, and the published Python SDK of EnOS writes
 * `thing.event.%s.post<id>`, `ota.inform` and `Ota.device.getversion`.
 */
export function fitsMethod(path: string, method: string): boolean {
  if (method === methodOf(path) || path.startsWith('shadow/')) return true;
  if (/^thing\/event\/(?!property\/)/.test(path)) return method.startsWith('thing.event.');
  if (!path.startsWith('ota/device/')) return false;
  return method.toLowerCase().replace(/^ota\.(?:device\.)?/, '') === path.slice('ota/device/'.length);
}

export const reply = (code: ReplyCode, data?: JsonValue): Answer =>
  data === undefined ? { kind: 'reply', code } : { kind: 'reply', code, data };

export const refuse = (code: ReplyCode, message: string): Refusal => ({ kind: 'reply', code, message });
