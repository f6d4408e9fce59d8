import { isJsonObject, type JsonObject, stringifyJson } from '../../model/json.ts';
import type { TimedValue } from '../../model/telemetry.ts';
import { isOtaKey, readOf, saveClient } from '../attributes.ts';
import type { Answer, Operation, ThingContext } from '../operation.ts';
import { objectOf, own } from '../values.ts';

/**
 * The device's shadow: client attributes are reported, shared ones desired. A version is the newest time of either, ms; that of an
 * update is not looked at, since devices count on from what they have.
 */
export const shadowUpdate: Operation = async (thing, request) => {
  const { body } = request;
  const method = own(body, 'method');
  if (method === 'get') return send(thing, await whole(thing));
  const state = own(body, 'state');
  if (method !== 'update' || !isJsonObject(state)) return failed(thing, '400', 'method or state is not known');
  const reported = own(state, 'reported');
  const desired = own(state, 'desired');
  if (desired !== undefined && desired !== null) return failed(thing, '404', 'a device clears desired values, no more');
  if (reported !== undefined && reported !== null && !isJsonObject(reported))
    return failed(thing, '400', '"reported" must be an object');
  if (isJsonObject(reported)) {
    const saved = await saveClient(thing, request, reported);
    if (saved.kind === 'close') return saved;
    if (saved.kind === 'reply' && saved.code !== 'ok') return failed(thing, '400', saved.message ?? '');
  }
  if (desired === null) {
    const shared = await shadowKeys(thing, 'SHARED_SCOPE');
    await thing.api.deleteAttributes(thing.device.id, 'SHARED_SCOPE', [...shared.keys()]);
  }
  return send(thing, { status: 'success', version: thing.api.things.clock.now() });
};

async function whole(thing: ThingContext): Promise<JsonObject> {
  const reported = await shadowKeys(thing, 'CLIENT_SCOPE');
  const desired = await shadowKeys(thing, 'SHARED_SCOPE');
  const all = [...reported.values(), ...desired.values()];
  const version = all.reduce((newest, { ts }) => Math.max(newest, ts), 0);
  return {
    status: 'success',
    state: { reported: valuesOf(reported), desired: valuesOf(desired) },
    metadata: { reported: timesOf(reported), desired: timesOf(desired) },
    version,
  };
}

async function shadowKeys(
  thing: ThingContext,
  scope: 'CLIENT_SCOPE' | 'SHARED_SCOPE',
): Promise<ReadonlyMap<string, TimedValue>> {
  const found = (await readOf(thing, scope)) ?? new Map<string, TimedValue>();
  return new Map([...found].filter(([key]) => !isOtaKey(key)));
}

const valuesOf = (found: ReadonlyMap<string, TimedValue>): JsonObject =>
  objectOf([...found].map(([key, { value }]) => [key, value]));
const timesOf = (found: ReadonlyMap<string, TimedValue>): JsonObject =>
  objectOf([...found].map(([key, { ts }]) => [key, { timestamp: Math.floor(ts / 1000) }]));

const failed = (thing: ThingContext, errorcode: string, errormessage: string): Answer =>
  send(thing, { status: 'error', content: { errorcode, errormessage } });

function send({ api, productKey, deviceKey }: ThingContext, payload: JsonObject): Answer {
  const timestamp = Math.floor(api.things.clock.now() / 1000);
  const text = stringifyJson({ method: 'reply', payload, timestamp });
  return { kind: 'send', topic: `/shadow/get/${productKey}/${deviceKey}`, payload: text };
}
