import type { JsonObject } from '../../model/json.ts';
import type { Operation, Operations } from '../operation.ts';
import { EVENT_POST, eventType, report } from '../reports.ts';
import { postEvent, postSamples, unreadable } from '../uplinks.ts';
import { own } from '../values.ts';
import { isObject } from '../wire/envelope.ts';
import { ntp } from './ntp.ts';
import { readProperties } from './properties.ts';

const post: Operation = (thing, request) =>
  postSamples(thing, request, readProperties(request.params, thing.api.things.clock.now()));

/** `{value: {…}, time}`, or what the event says itself. */
const event: Operation = (thing, request) => {
  const { params = {}, path } = request;
  if (!isObject(params)) return unreadable(thing, '"params" must be an object');
  const value = own(params, 'value');
  const wrapped = isObject(value);
  const data: JsonObject = wrapped ? value : params;
  return postEvent(thing, request, { type: eventType(path), data, time: wrapped ? own(params, 'time') : undefined });
};

/** What devices of Alibaba publish (registration-protocols 2). */
export const ALIBABA_OPERATIONS: Operations = {
  exact: new Map<string, Operation>([
    ['thing/event/property/post', post],
    ['thing/log/post', report('DEVICE_LOG')],
    ['ext/ntp/request', ntp],
  ]),
  named: [{ path: EVENT_POST, run: event }],
};
