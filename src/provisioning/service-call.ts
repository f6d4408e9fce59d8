import { ENOS_API_CODES, type EnosApiCode } from '../dialects/wire/codes.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import type { ServiceAccount } from '../registry/service-account-record.ts';

/** A signed call of a service account, read. */
export interface ServiceCall {
  readonly account: ServiceAccount;
  readonly query: ReadonlyMap<string, string>;
  /** `{}` when there was none. */
  readonly body: JsonObject;
  readonly address: string;
  /** Whether nobody on the way can listen. */
  readonly secure: boolean;
}

/** What an operation gives; `more` stands beside `data`. */
export type ServiceResult =
  | { readonly kind: 'done'; readonly data: JsonValue; readonly more?: JsonObject }
  | { readonly kind: 'refused'; readonly code: Exclude<EnosApiCode, 'ok'>; readonly msg: string };

export type ServiceOperations = Readonly<Record<string, (call: ServiceCall) => Promise<ServiceResult>>>;

export type Refused = Extract<ServiceResult, { kind: 'refused' }>;

export const refused = (code: Refused['code'], msg: string): Refused => ({ kind: 'refused', code, msg });

export const NOT_PERMITTED = refused('notPermitted', 'the account may not do this');

export const OVER_TLS_ONLY = refused('notPermitted', 'secrets are given over TLS only');

/** Whether an answer with a secret may go out. */
export const mayHear = ({ secure }: ServiceCall, { listeners }: DeviceProfile): boolean =>
  secure || listeners?.allowPlaintextProvisioning === true;

/** A result as an answer, or a part of one, has it. */
export const formatItem = (result: ServiceResult): JsonObject =>
  result.kind === 'done'
    ? { code: ENOS_API_CODES.ok, msg: 'OK', data: result.data, ...result.more }
    : { code: ENOS_API_CODES[result.code], msg: result.msg };

/** Thrown by the readers below; `refusal` is the answer. */
export class WrongArgument extends Error {
  readonly refusal: Refused;

  constructor(field: string, problem: string, code: Refused['code'] = 'invalidArguments') {
    super(`${field} ${problem}`);
    this.name = 'WrongArgument';
    this.refusal = refused(code, `${field} ${problem}`);
  }
}

const own = (object: JsonObject, field: string): JsonValue | undefined =>
  Object.hasOwn(object, field) ? object[field] : undefined;

/** Undefined when it is absent, null or empty. */
export function textOf(object: JsonObject, field: string, max = 255): string | undefined {
  const value = own(object, field);
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new WrongArgument(field, 'must be a text');
  if (value.length > max) throw new WrongArgument(field, `is longer than ${max} characters`);
  return value;
}

export function mustText(object: JsonObject, field: string, max?: number): string {
  const value = textOf(object, field, max);
  if (value === undefined) throw new WrongArgument(field, 'is missing');
  return value;
}

export function objectOf(object: JsonObject, field: string, maxKeys: number): JsonObject | undefined {
  const value = own(object, field);
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw new WrongArgument(field, 'must be an object');
  if (Object.keys(value).length > maxKeys) throw new WrongArgument(field, `has more than ${maxKeys} members`);
  return value;
}

/** A whole number within bounds; `fallback` when it is absent. */
export function wholeOf(object: JsonObject, field: string, { min, max, fallback }: Bounds): number {
  const value = own(object, field);
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new WrongArgument(field, `must be a whole number from ${min} to ${max}`);
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
}

export function listOf(object: JsonObject, field: string, max: number): readonly JsonValue[] {
  const value = own(object, field);
  if (!Array.isArray(value) || value.length === 0) throw new WrongArgument(field, 'must be a list that is not empty');
  if (value.length > max) throw new WrongArgument(field, `has more than ${max} items`);
  return value;
}
