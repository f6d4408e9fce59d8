import { ExactNumber, isJsonObject, type JsonObject, type JsonValue, stringifyJson } from '../../model/json.ts';

/** A request of a device, or to one: `{id, version, method, params}` (registration-protocols 2). */
export interface Envelope {
  /** Text or number, as it came: the reply repeats it in its own type. */
  readonly id: string | number | ExactNumber;
  readonly version: string | undefined;
  readonly method: string | undefined;
  readonly params: JsonValue | undefined;
  /** False: `sys: {ack: 0}` wants no reply. */
  readonly wantsReply: boolean;
  /** All of it, for the members that one operation has beside `params`. */
  readonly body: JsonObject;
}

const MAX_ID = 64;

/** Undefined when the value is no envelope: not an object, or with an id that is neither text nor number. */
export function readEnvelope(value: JsonValue): Envelope | undefined {
  if (!isJsonObject(value)) return undefined;
  const id = own(value, 'id') ?? '';
  const isId = (typeof id === 'string' && id.length <= MAX_ID) || typeof id === 'number' || id instanceof ExactNumber;
  if (!isId) return undefined;
  const [version, method, sys] = [own(value, 'version'), own(value, 'method'), own(value, 'sys')];
  return {
    id: id as Envelope['id'],
    version: typeof version === 'string' ? version : undefined,
    method: typeof method === 'string' ? method : undefined,
    params: own(value, 'params'),
    wantsReply: !(isJsonObject(sys) && String(own(sys, 'ack')) === '0'),
    body: value,
  };
}

/** A device's answer to a request of ours: `{id, code, data?, message?}`. */
export interface ReplyEnvelope {
  readonly id: string;
  readonly code: number;
  readonly data: JsonValue | undefined;
  readonly message: string | undefined;
}

export function readReply(value: JsonValue): ReplyEnvelope | undefined {
  if (!isJsonObject(value)) return undefined;
  const [id, code, message] = [own(value, 'id'), own(value, 'code'), own(value, 'message')];
  const number = typeof code === 'string' ? Number(code) : code instanceof ExactNumber ? Number(code.text) : code;
  if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
  if (typeof id !== 'string' && typeof id !== 'number' && !(id instanceof ExactNumber)) return undefined;
  return {
    id: String(id instanceof ExactNumber ? id.text : id),
    code: number,
    data: own(value, 'data'),
    message: typeof message === 'string' ? message : undefined,
  };
}

/** `{"id":…,"code":…[,"message":…],"data":…}`, compact. */
export function formatReply(id: Envelope['id'], code: number, data?: JsonValue, message?: string): string {
  return stringifyJson({
    id,
    code,
    ...(message === undefined ? {} : { message }),
    ...(data === undefined ? {} : { data }),
  } as JsonObject);
}

/** `{"id":…,"version":"1.0","method":…,"params":…}`, compact. */
export function formatRequest(id: string, method: string, params: JsonValue): string {
  return stringifyJson({ id, version: '1.0', method, params });
}

/** An answer of registration: `code` first, no space anywhere, for parsers that read no JSON (registration-protocols 1.7). */
export function formatCodeFirst(code: number, data: JsonObject | undefined, message: string): string {
  return stringifyJson({ code, ...(data === undefined ? {} : { data }), message });
}

const own = (object: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;
