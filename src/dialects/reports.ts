import { isJsonObject, type JsonObject } from '../model/json.ts';
import type { Operation } from './operation.ts';
import { postEvent } from './uplinks.ts';
import { own } from './values.ts';

/** A report that becomes a message of that type, of which chains make what they like. */
export const report =
  (type: string): Operation =>
  (thing, request) => {
    const { params } = request;
    const data: JsonObject = isJsonObject(params) ? params : { items: params ?? null };
    return postEvent(thing, request, { type, data, time: isJsonObject(params) ? own(params, 'time') : undefined });
  };

/** Events by their name, which stands in the type of the message. */
export const EVENT_POST = /^thing\/event\/[A-Za-z0-9_-]{1,64}\/post$/;

export const eventType = (path: string): string => `EVENT_${path.split('/')[2]}`;
