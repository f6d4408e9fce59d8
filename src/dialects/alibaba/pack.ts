import { isJsonObject, type JsonValue } from '../../model/json.ts';
import { joinAnswers } from '../join-answers.ts';
import { type Answer, type Operation, refuse, type ThingContext, type ThingRequest } from '../operation.ts';
import { postEvent, postSamples, unreadable } from '../uplinks.ts';
import { decoded, own } from '../values.ts';
import { readProperties } from './properties.ts';

/** Properties, events and devices of one request. */
const MAX_ITEMS = 1_000;

type Post = () => Promise<Answer>;

/**
 * `{properties: {id: {value, time} | […]}, events: {id: {value, time} | […]}, subDevices: [{identity, properties, events}]}`.
 * Nothing is stored when a part cannot be read, or a sub-device is not logged in.
 */
export const postPack: Operation = (thing, request) => {
  const { params } = request;
  if (!isJsonObject(params)) return unreadable(thing, '"params" must be an object');
  const subs = own(params, 'subDevices') ?? [];
  if (!Array.isArray(subs)) return unreadable(thing, '"subDevices" must be a list');
  return postParts(thing, request, [params, ...subs], false);
};

/** A list of the same, with samples of former times. */
export const postHistory: Operation = (thing, request) => {
  const { params } = request;
  if (!Array.isArray(params)) return unreadable(thing, '"params" must be a list');
  return postParts(thing, request, params, true);
};

async function postParts(
  thing: ThingContext,
  request: ThingRequest,
  parts: readonly JsonValue[],
  late: boolean,
): Promise<Answer> {
  const posts: Post[] = [];
  for (const part of parts) {
    const target = targetOf(thing, part);
    if (!target) return refuse('notLoggedIn', 'a sub-device is not logged in over this connection');
    for (const properties of listOf(part, 'properties')) {
      const samples = readProperties(properties, thing.api.things.clock.now());
      if (!samples.ok) return unreadable(thing, samples.problem);
      posts.push(() => postSamples(target, request, decoded(samples.value), late));
    }
    for (const event of listOf(part, 'events')) {
      if (!isJsonObject(event)) return unreadable(thing, 'an event must be an object');
      for (const [id, given] of Object.entries(event)) {
        if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) return unreadable(thing, 'the name of an event is of another form');
        for (const one of Array.isArray(given) ? given : [given]) {
          const value = isJsonObject(one) ? own(one, 'value') : undefined;
          if (!isJsonObject(one) || !isJsonObject(value)) return unreadable(thing, 'an event needs a "value"');
          const [type, time] = [`EVENT_${id}`, own(one, 'time')];
          posts.push(() => postEvent(target, request, { type, data: value, time }));
        }
      }
    }
    if (posts.length > MAX_ITEMS) return unreadable(thing, `a request has ${MAX_ITEMS} parts at most`);
  }
  return joinAnswers(await Promise.all(posts.map((post) => post())));
}

/** Whose part it is: the device's own without an identity. */
function targetOf(thing: ThingContext, part: JsonValue): ThingContext | undefined {
  const identity = isJsonObject(part) ? own(part, 'identity') : undefined;
  if (identity === undefined) return thing;
  const productKey = isJsonObject(identity) ? own(identity, 'productKey') : undefined;
  const deviceKey = isJsonObject(identity) ? own(identity, 'deviceName') : undefined;
  if (typeof productKey !== 'string' || typeof deviceKey !== 'string') return undefined;
  if (productKey === thing.productKey && deviceKey === thing.deviceKey) return thing;
  return thing.children?.get({ productKey, deviceKey });
}

/** A property may come as a list of its values: each of them is an object of its own then. */
function listOf(part: JsonValue, member: 'properties' | 'events'): readonly JsonValue[] {
  const given = isJsonObject(part) ? own(part, member) : undefined;
  if (given === undefined) return [];
  if (Array.isArray(given)) return given;
  if (member === 'events' || !isJsonObject(given)) return [given];
  const rows: JsonValue[] = [];
  for (const [id, value] of Object.entries(given)) {
    for (const one of Array.isArray(value) ? value : [value]) rows.push(Object.fromEntries([[id, one]]));
  }
  return rows;
}
