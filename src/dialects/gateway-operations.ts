import { randomBytes } from 'node:crypto';
import type { ChildLogin, ChildName, ChildResult, DeviceProfile } from '../device-api/index.ts';
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { type Answer, type ChildSessions, type Operation, refuse, reply, type ThingContext } from './operation.ts';
import { unreadable } from './uplinks.ts';
import { own } from './values.ts';
import { REPLY_CODES } from './wire/codes.ts';
import type { SigningDialect } from './wire/dialect.ts';

const NAME = { enos: 'deviceKey', alibaba: 'deviceName' } as const;
const ID = { enos: 'assetId', alibaba: 'iotId' } as const;
const MAX_TEXT = 512;
const LOGIN_REFUSED = refuse('notAllowed', 'the sub-device is not let in');
const DISABLED = refuse('disabled', 'the sub-device is disabled');

type Rules = NonNullable<NonNullable<DeviceProfile['thing']>['children']>;

/** An operation of gateways alone; others are told that they are none. */
const ofGateway =
  (
    run: (thing: ThingContext, children: ChildSessions, params: JsonValue | undefined, rules: Rules) => Promise<Answer>,
  ) =>
  (thing: ThingContext, { params }: { readonly params: JsonValue | undefined }): Promise<Answer> => {
    const rules = thing.api.profile(thing.device.profile)?.thing?.children;
    if (!thing.children || !rules) return Promise.resolve(refuse('notAllowed', 'the device is no gateway'));
    return run(thing, thing.children, params, rules);
  };

export const loginChild: Operation = ofGateway(async (thing, children, params) => {
  const child = readLogin(params, thing.dialect);
  if (!child) return unreadable(thing, 'the sub-device, its clientId or its sign is missing');
  const result = await children.login(child);
  if (result.kind === 'refused') return result.reason === 'disabled' ? DISABLED : LOGIN_REFUSED;
  return reply('ok', describe(thing.dialect, child, result));
});

/** @param list member of the params that has the sub-devices. */
export const loginBatch = (list: 'subDevices' | 'deviceList'): Operation =>
  ofGateway(async (thing, children, params, { maxPerRequest }) => {
    const items = isJsonObject(params) ? own(params, list) : undefined;
    if (!isJsonObject(params) || !Array.isArray(items)) return unreadable(thing, `"${list}" must be a list`);
    if (items.length > maxPerRequest) return unreadable(thing, `a request names ${maxPerRequest} sub-devices at most`);
    const logins = items.map((item) =>
      readLogin(isJsonObject(item) ? { ...shared(params), ...item } : item, thing.dialect),
    );
    const [ok, failed]: [JsonObject[], JsonObject[]] = [[], []];
    for (const [at, child] of logins.entries()) {
      const result = child && (await children.login(child));
      if (child && result?.kind === 'device') ok.push(describe(thing.dialect, child, result));
      else failed.push(nameOf(items[at], thing.dialect));
    }
    const code = failed.length === 0 ? 'ok' : 'failed';
    return reply(code, thing.dialect === 'enos' ? { loginedSubDevices: ok, failedSubDevices: failed } : ok);
  });

export const logoutChild: Operation = ofGateway(async (thing, children, params) => {
  const name = readName(params, thing.dialect);
  if (!name) return unreadable(thing, 'the sub-device is missing');
  if (!children.logout(name)) return refuse('notLoggedIn', 'the sub-device is not logged in over this connection');
  return reply('ok', nameObject(thing.dialect, name));
});

export const logoutBatch: Operation = ofGateway(async (thing, children, params, { maxPerRequest }) => {
  const names = readNames(params, thing.dialect, maxPerRequest);
  if (typeof names === 'string') return unreadable(thing, names);
  for (const name of names) children.logout(name);
  return reply(
    'ok',
    names.map((name) => nameObject(thing.dialect, name)),
  );
});

/** Registers; what is refused stands in the list with a code of its own. */
export const registerChildren: Operation = ofGateway(async (thing, children, params, { maxPerRequest }) => {
  const names = readNames(withKeys(params, thing.dialect), thing.dialect, maxPerRequest);
  if (typeof names === 'string') return unreadable(thing, names);
  const data: JsonObject[] = [];
  for (const name of names) {
    const result = await children.register(name);
    const code = REPLY_CODES[thing.dialect].notAllowed;
    if (result.kind === 'device') data.push(describe(thing.dialect, name, result));
    else data.push({ ...nameObject(thing.dialect, name), code, message: 'the sub-device is not registered' });
  }
  const some = data.some((one) => Object.hasOwn(one, 'deviceSecret'));
  return reply(some ? 'ok' : 'notAllowed', data);
});

/** Signed as a login, each; nothing is added when one is refused. */
export const addTopology: Operation = ofGateway(async (thing, children, params, { maxPerRequest }) => {
  const logins = Array.isArray(params) ? params.map((item) => readLogin(item, thing.dialect)) : [];
  const known = logins.filter((login) => login !== undefined);
  if (known.length === 0 || known.length < logins.length)
    return unreadable(thing, '"params" must be a list of signed names');
  if (known.length > maxPerRequest) return unreadable(thing, `a request names ${maxPerRequest} sub-devices at most`);
  const { productKey, deviceKey } = thing;
  if (known.some((login) => login.productKey === productKey && login.deviceKey === deviceKey)) {
    return refuse('ownTopology', 'a gateway is no sub-device of its own');
  }
  const devices = [];
  for (const login of known) {
    const device = login.byProduct ? undefined : await children.verify(login);
    if (device === 'disabled') return DISABLED;
    if (!device) return LOGIN_REFUSED;
    devices.push(device);
  }
  const added = await thing.api.things.children.add(thing.device, devices);
  if (added === 'full') return refuse('notAllowed', 'the gateway may not have as many sub-devices');
  return reply(
    'ok',
    known.map((name) => nameObject(thing.dialect, name)),
  );
});

export const deleteTopology: Operation = ofGateway(async (thing, children, params, { maxPerRequest }) => {
  const names = readNames(params, thing.dialect, maxPerRequest);
  if (typeof names === 'string') return unreadable(thing, names);
  for (const name of names) {
    if (!(await thing.api.things.children.remove(thing.device, name))) continue;
    children.logout(name);
  }
  return reply(
    'ok',
    names.map((name) => nameObject(thing.dialect, name)),
  );
});

export const getTopology: Operation = ofGateway(async (thing) => {
  if (!thing.uplink.takeMessage('topology')) return refuse('rateLimited', 'too many messages');
  const all = await thing.api.things.children.list(thing.device);
  return reply(
    'ok',
    all.map((child) => nameObject(thing.dialect, child)),
  );
});

const nameObject = (dialect: SigningDialect, { productKey, deviceKey }: ChildName): JsonObject => ({
  productKey,
  [NAME[dialect]]: deviceKey,
});

/** A name as it was given, for what cannot be read. */
function nameOf(item: JsonValue | undefined, dialect: SigningDialect): JsonObject {
  const name = readName(item, dialect);
  return name ? nameObject(dialect, name) : {};
}

const describe = (
  dialect: SigningDialect,
  name: ChildName,
  { device, deviceSecret }: Extract<ChildResult, { kind: 'device' }>,
): JsonObject => ({
  [ID[dialect]]: device.id,
  ...nameObject(dialect, name),
  ...(deviceSecret === undefined ? {} : { deviceSecret }),
});

function readName(item: JsonValue | undefined, dialect: SigningDialect): ChildName | undefined {
  const productKey = textOf(item, 'productKey');
  const deviceKey = textOf(item, NAME[dialect]);
  return productKey === undefined || deviceKey === undefined ? undefined : { productKey, deviceKey };
}

/** The names of a list, or what is wrong with it. */
function readNames(params: JsonValue | undefined, dialect: SigningDialect, max: number): readonly ChildName[] | string {
  const list = isJsonObject(params) ? (own(params, 'deviceList') ?? [params]) : params;
  if (!Array.isArray(list) || list.length === 0) return '"params" must be a list of sub-devices';
  if (list.length > max) return `a request names ${max} sub-devices at most`;
  const names = list.map((item) => readName(item, dialect)).filter((name) => name !== undefined);
  return names.length < list.length ? `a sub-device needs productKey and ${NAME[dialect]}` : names;
}

/** A sub-device of EnOS that comes without a key gets one. */
function withKeys(params: JsonValue | undefined, dialect: SigningDialect): JsonValue | undefined {
  if (dialect !== 'enos' || !Array.isArray(params)) return params;
  return params.map((item) =>
    isJsonObject(item) && !own(item, 'deviceKey') ? { ...item, deviceKey: randomBytes(8).toString('hex') } : item,
  );
}

/** What EnOS gives once for a whole batch. */
const shared = (params: JsonObject): JsonObject => ({
  clientId: own(params, 'clientId') ?? 'login.batch',
  timestamp: own(params, 'timestamp') ?? null,
  signMethod: own(params, 'signMethod') ?? null,
});

function readLogin(item: JsonValue | undefined, dialect: SigningDialect): ChildLogin | undefined {
  const name = readName(item, dialect);
  const clientId = textOf(item, 'clientId');
  const sign = textOf(item, 'sign');
  if (!name || clientId === undefined || sign === undefined) return undefined;
  return {
    ...name,
    clientId,
    sign,
    timestamp: textOf(item, 'timestamp'),
    signMethod: textOf(item, 'signMethod') ?? textOf(item, 'signmethod'),
    byProduct: dialect === 'enos' && textOf(item, 'secureMode') === '3',
  };
}

/** A text, or a number as it was written. */
function textOf(item: JsonValue | undefined, member: string): string | undefined {
  const value = isJsonObject(item) ? own(item, member) : undefined;
  const text = typeof value === 'number' || value instanceof ExactNumber ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= MAX_TEXT ? text : undefined;
}
