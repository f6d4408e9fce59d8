import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { type AttributeScope, TAG_PREFIX, type TimedValue } from '../model/telemetry.ts';
import { type Answer, type Operation, refuse, reply, type ThingContext, type ThingRequest } from './operation.ts';
import { answered, unreadable } from './uplinks.ts';
import { objectOf, own, texts } from './values.ts';

/** Packages are announced by attributes of their own (thingsboard-device-api 3.12.1). */
const OTA_KEY = /^(?:fw|sw)_(?:title|version|ts|state|size|checksum|checksum_algorithm|url|tag)$/;
export const isOtaKey = (key: string): boolean => OTA_KEY.test(key);

const MAX_TAGS = 100;
const LIMITED: Answer = refuse('rateLimited', 'too many messages');

/** Stores client attributes, as the chain says. */
export const saveClient = (thing: ThingContext, request: ThingRequest, values: JsonObject): Promise<Answer> =>
  answered(thing, (done) => thing.uplink.attributesJson(values, done, { topic: request.topic }));

/** Reads attributes for the device; an empty list of keys = all. Undefined: over its limit. */
export async function readOf(
  { api, device, uplink }: ThingContext,
  scope: AttributeScope,
  keys: readonly string[] = [],
): Promise<ReadonlyMap<string, TimedValue> | undefined> {
  if (!uplink.takeMessage('attributes')) return undefined;
  return api.things.readAttributes(device.id, scope, keys.length === 0 ? undefined : keys);
}

/** Client attributes that are no tags, then shared ones in their place; keys in no order. */
export function query(member: string): Operation {
  return async (thing, { params }) => {
    const keys = texts(params, member);
    if (!keys) return unreadable(thing, `"${member}" must be a list of texts`);
    const client = await readOf(thing, 'CLIENT_SCOPE', keys);
    const shared = client && (await readOf(thing, 'SHARED_SCOPE', keys));
    if (!client || !shared) return LIMITED;
    const found = new Map([...client, ...shared]);
    const entries = [...found].filter(([key]) => keys.length > 0 || !(key.startsWith(TAG_PREFIX) || isOtaKey(key)));
    return reply('ok', objectOf(entries.map(([key, { value }]) => [key, value])));
  };
}

/** Deletes client attributes by name; an empty list = all that a query of all shows. */
export function remove(member: string): Operation {
  return async (thing, { params }) => {
    const keys = texts(params, member);
    if (!keys) return unreadable(thing, `"${member}" must be a list of texts`);
    const found = await readOf(thing, 'CLIENT_SCOPE', keys);
    if (!found) return LIMITED;
    const hidden = (key: string): boolean => key.startsWith(TAG_PREFIX) || (keys.length === 0 && isOtaKey(key));
    const names = [...found.keys()].filter((key) => !hidden(key));
    await thing.api.deleteAttributes(thing.device.id, 'CLIENT_SCOPE', names);
    return reply('ok', {});
  };
}

/** Tags `[{[key]: name, [value]: text}]`; at most 100 for a device. */
export function updateTags(key: string, value: string): Operation {
  return async (thing, request) => {
    const list = request.params;
    const tags = Array.isArray(list) ? list.map((tag) => readTag(tag, key, value)) : [undefined];
    const entries = tags.filter((tag) => tag !== undefined);
    if (entries.length < tags.length) return unreadable(thing, `"params" must be a list of {${key}, ${value}}`);
    const known = await readOf(thing, 'CLIENT_SCOPE');
    if (!known) return LIMITED;
    const names = new Set([...known.keys()].filter((name) => name.startsWith(TAG_PREFIX)));
    for (const [name] of entries) names.add(name);
    if (names.size > MAX_TAGS) return unreadable(thing, `a device has ${MAX_TAGS} tags at most`);
    return saveClient(thing, request, objectOf(entries));
  };
}

/** `{tags: [name…]}`, or none for all; the answer is a list as it was given. */
export const queryTags: Operation = async (thing, { params }) => {
  const names = texts(params, 'tags');
  if (!names) return unreadable(thing, '"tags" must be a list of texts');
  const found = await readOf(thing, 'CLIENT_SCOPE', names.map(tagKey));
  if (!found) return LIMITED;
  const tags = [...found].filter(([key]) => key.startsWith(TAG_PREFIX));
  return reply(
    'ok',
    tags.map(([key, { value }]) => ({ tagKey: key.slice(TAG_PREFIX.length), tagValue: value })),
  );
};

/** Deletes tags; `names` undefined: the request cannot be read. */
export function deleteTags(names: (params: JsonValue | undefined) => readonly string[] | undefined): Operation {
  return async (thing, { params }) => {
    const given = names(params);
    if (!given) return unreadable(thing, 'the names of the tags must be a list of texts');
    if (!thing.uplink.takeMessage('attributes')) return LIMITED;
    await thing.api.things.readAttributes(thing.device.id, 'CLIENT_SCOPE', []); // behind what it sent before
    await thing.api.deleteAttributes(thing.device.id, 'CLIENT_SCOPE', given.map(tagKey));
    return reply('ok', {});
  };
}

const tagKey = (name: string): string => TAG_PREFIX + name;

function readTag(tag: JsonValue, key: string, value: string): readonly [string, JsonValue] | undefined {
  const name = isJsonObject(tag) ? own(tag, key) : undefined;
  const text = isJsonObject(tag) ? own(tag, value) : undefined;
  const isTag = typeof name === 'string' && name !== '' && name.length <= 64 && text !== undefined;
  return isTag ? [tagKey(name), text] : undefined;
}
