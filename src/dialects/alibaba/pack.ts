import type { UplinkPart } from '../../device-api/index.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../model/json.ts';
import { joinAnswers } from '../join-answers.ts';
import { type Answer, type Operation, refuse, type ThingContext, type ThingRequest } from '../operation.ts';
import { postEvent, postSamples, unreadable } from '../uplinks.ts';
import { decoded, NO_TIME, own, timeOf } from '../values.ts';
import { readProperties } from './properties.ts';

/** Properties, events and devices of one request. */
const MAX_ITEMS = 1_000;
const NO_ITEM = 'an item must be an object';
const NO_IDENTITY = '"identity" must have productKey and deviceName';

interface Post {
  readonly target: ThingContext;
  readonly part: UplinkPart;
  readonly run: () => Promise<Answer>;
}

/**
 * `{properties: {id: {value, time} | […]}, events: {id: {value, time} | […]}, subDevices: [{identity, properties, events}]}`.
 * Nothing is stored when a part is refused, or a sub-device is not logged in.
 */
export const postPack: Operation = (thing, request) => {
  const { params } = request;
  if (!isJsonObject(params)) return unreadable(thing, '"params" must be an object');
  const subs = own(params, 'subDevices') ?? [];
  if (!Array.isArray(subs)) return unreadable(thing, '"subDevices" must be a list');
  const nameless = subs.find((sub) => !isJsonObject(sub) || own(sub, 'identity') === undefined);
  if (nameless !== undefined) return unreadable(thing, isJsonObject(nameless) ? NO_IDENTITY : NO_ITEM);
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
    if (!isJsonObject(part)) return unreadable(thing, NO_ITEM);
    const target = targetOf(thing, part);
    if (target === 'nameless') return unreadable(thing, NO_IDENTITY);
    if (!target) return refuse('notLoggedIn', 'a sub-device is not logged in over this connection');
    for (const properties of listOf(part, 'properties')) {
      const samples = readProperties(properties, thing.api.things.clock.now());
      if (!samples.ok) return unreadable(thing, samples.problem);
      const json = samples.value;
      const run = () => postSamples(target, request, decoded(json), late);
      posts.push({ target, part: { kind: 'telemetry', json }, run });
    }
    for (const event of listOf(part, 'events')) {
      if (!isJsonObject(event)) return unreadable(thing, 'an event must be an object');
      for (const [id, given] of Object.entries(event)) {
        if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) return unreadable(thing, 'the name of an event is of another form');
        for (const one of Array.isArray(given) ? given : [given]) {
          const value = isJsonObject(one) ? own(one, 'value') : undefined;
          if (!isJsonObject(one) || !isJsonObject(value)) return unreadable(thing, 'an event needs a "value"');
          const time = timeOf(one, thing.api.things.clock.now());
          if (time === undefined) return unreadable(thing, NO_TIME);
          const event = { type: `EVENT_${id}`, data: value, time };
          posts.push({ target, part: { kind: 'event', event }, run: () => postEvent(target, request, event) });
        }
      }
    }
    if (posts.length > MAX_ITEMS) return unreadable(thing, `a request has ${MAX_ITEMS} parts at most`);
  }
  for (const { target, part } of own(request.body, 'skipInvalidMeasurepoints') === true ? [] : posts) {
    const fault = target.uplink.fault(part);
    if (fault !== undefined) return unreadable(target, fault);
  }
  return joinAnswers(await Promise.all(posts.map(({ run }) => run())));
}

/** Whose part it is: the device's own without an identity. */
function targetOf(thing: ThingContext, part: JsonObject): ThingContext | 'nameless' | undefined {
  const identity = own(part, 'identity');
  if (identity === undefined) return thing;
  const productKey = isJsonObject(identity) ? own(identity, 'productKey') : undefined;
  const deviceKey = isJsonObject(identity) ? own(identity, 'deviceName') : undefined;
  if (typeof productKey !== 'string' || typeof deviceKey !== 'string') return 'nameless';
  if (productKey === thing.productKey && deviceKey === thing.deviceKey) return thing;
  return thing.children?.get({ productKey, deviceKey });
}

/** A property may come as a list of its values: each of them is an object of its own then. */
function listOf(part: JsonObject, member: 'properties' | 'events'): readonly JsonValue[] {
  const given = own(part, member);
  if (given === undefined) return [];
  if (Array.isArray(given)) return given;
  if (member === 'events' || !isJsonObject(given)) return [given];
  const rows: JsonValue[] = [];
  for (const [id, value] of Object.entries(given)) {
    for (const one of Array.isArray(value) ? value : [value]) rows.push(Object.fromEntries([[id, one]]));
  }
  return rows;
}
