import type { Operation, Operations } from '../operation.ts';
import { EVENT_POST, eventType, report } from '../reports.ts';
import { postEvent, postSamples, unreadable } from '../uplinks.ts';
import { own } from '../values.ts';
import { isObject } from '../wire/envelope.ts';
import { readMeasurepoints } from './measurepoints.ts';

const post =
  (late: boolean): Operation =>
  (thing, request) =>
    postSamples(thing, request, readMeasurepoints(request.params, thing.api.things.clock.now()), late);

const event: Operation = (thing, request) => {
  const { params, path } = request;
  const data = isObject(params) ? (own(params, 'events') ?? {}) : undefined;
  if (!isObject(params) || !isObject(data)) return unreadable(thing, '"events" must be an object');
  return postEvent(thing, request, { type: eventType(path), data, time: own(params, 'time') });
};

/** What devices of EnOS publish (registration-protocols 2). */
export const ENOS_OPERATIONS: Operations = {
  exact: new Map<string, Operation>([
    ['thing/measurepoint/post', post(false)],
    ['thing/measurepoint/resume', post(true)],
    ['thing/log/post', report('DEVICE_LOG')],
    ['network/status/report', report('NETWORK_STATUS')],
    ['connection/state/post', report('CONNECTION_STATE')],
  ]),
  named: [{ path: EVENT_POST, run: event }],
};
