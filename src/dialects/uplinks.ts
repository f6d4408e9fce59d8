import type { UplinkResult } from '../device-api/index.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { type Answer, refuse, reply, type ThingContext, type ThingRequest } from './operation.ts';
import { type Decoded, own } from './values.ts';

/** Runs an uplink, and answers as its outcome says. */
export function answered(
  { uplink }: Pick<ThingContext, 'uplink'>,
  send: (done: (result: UplinkResult) => void) => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    const done = (result: UplinkResult): void => resolve(toAnswer(result));
    try {
      send(done);
    } catch {
      uplink.refuse('the message could not be handled', () => resolve({ kind: 'close' }));
    }
  });
}

/** Refuses what cannot be read; the log has it, too. */
export const unreadable = ({ uplink }: Pick<ThingContext, 'uplink'>, problem: string): Promise<Answer> =>
  new Promise((resolve) => uplink.refuse(problem, () => resolve(refuse('invalidParams', problem))));

/** One or more samples `{ts, values}`; `late`: they are history, and no reason for alarms. */
export function postSamples(
  thing: Pick<ThingContext, 'uplink'>,
  request: ThingRequest,
  samples: Decoded<JsonValue>,
  late = false,
): Promise<Answer> {
  if (!samples.ok) return unreadable(thing, samples.problem);
  const { value } = samples;
  const metadata = late ? LATE : undefined;
  const skipInvalid = own(request.body, 'skipInvalidMeasurepoints') === true;
  const source = { topic: request.topic, metadata, skipInvalid };
  return answered(thing, (done) => thing.uplink.telemetryJson(value, done, source));
}

const LATE = { late: 'true' };

/** A message `type` for the rule chains. */
export function postEvent(
  thing: ThingContext,
  request: ThingRequest,
  event: { readonly type: string; readonly data: JsonObject; readonly time?: JsonValue | undefined },
): Promise<Answer> {
  return answered(thing, (done) => thing.uplink.event(event, done, request.topic));
}

export function toAnswer(result: UplinkResult): Answer {
  switch (result.kind) {
    case 'stored':
      return reply('ok', {});
    case 'invalid':
      return refuse('invalidParams', result.problem);
    case 'rate-limited':
      return refuse('rateLimited', 'too many messages');
    case 'failed':
      return { kind: 'close' };
  }
}
