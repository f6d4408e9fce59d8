import type { ChildName } from '../../device-api/index.ts';
import { isJsonObject, type JsonValue } from '../../model/json.ts';
import { joinAnswers } from '../join-answers.ts';
import { type Answer, type Operation, refuse, type ThingContext, type ThingRequest } from '../operation.ts';
import { postSamples, unreadable } from '../uplinks.ts';
import { decoded, own } from '../values.ts';
import { readMeasurepoints } from './measurepoints.ts';

/** Items of one request, of the device and its sub-devices together. */
const MAX_ITEMS = 1_000;

type Target = Pick<ThingContext, 'uplink'>;

/**
 * A list of `{productKey?, deviceKey?, measurepoints, time}`. One that is refused, or whose device is not logged in, refuses all
 * of them; with `skipInvalidMeasurepoints` it is left out. `allowOfflineSubDevice`: the topology is enough.
 */
export const postBatch =
  (late: boolean): Operation =>
  async (thing, request) => {
    const { params, body } = request;
    if (!Array.isArray(params)) return unreadable(thing, '"params" must be a list');
    if (params.length > MAX_ITEMS) return unreadable(thing, `a batch has ${MAX_ITEMS} items at most`);
    const skips = own(body, 'skipInvalidMeasurepoints') === true;
    const offline = own(body, 'allowOfflineSubDevice') === true ? await thing.children?.offline() : undefined;
    const samples = new Map<Target['uplink'], JsonValue[]>();
    for (const item of params) {
      const sample = readMeasurepoints(item, thing.api.things.clock.now());
      if (!sample.ok) {
        if (skips) continue;
        return unreadable(thing, sample.problem);
      }
      const name = nameOf(thing, item);
      const target = isOwn(thing, name) ? thing : (thing.children?.get(name) ?? offline?.(name));
      if (!target) return refuse('notLoggedIn', 'a sub-device is not logged in over this connection');
      const known = samples.get(target.uplink);
      if (known) known.push(sample.value);
      else samples.set(target.uplink, [sample.value]);
    }
    for (const [uplink, json] of skips ? [] : samples) {
      const fault = uplink.fault({ kind: 'telemetry', json });
      if (fault !== undefined) return unreadable({ uplink }, fault);
    }
    return postAll(request, samples, late);
  };

async function postAll(
  request: ThingRequest,
  samples: ReadonlyMap<Target['uplink'], JsonValue[]>,
  late: boolean,
): Promise<Answer> {
  const answers = await Promise.all(
    [...samples].map(([uplink, list]) => postSamples({ uplink }, request, decoded(list), late)),
  );
  return joinAnswers(answers);
}

function nameOf({ productKey, deviceKey }: ThingContext, item: JsonValue): ChildName {
  const given = (member: string): string | undefined => {
    const value = isJsonObject(item) ? own(item, member) : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return { productKey: given('productKey') ?? productKey, deviceKey: given('deviceKey') ?? deviceKey };
}

const isOwn = (thing: ThingContext, { productKey, deviceKey }: ChildName): boolean =>
  thing.productKey === productKey && thing.deviceKey === deviceKey;
