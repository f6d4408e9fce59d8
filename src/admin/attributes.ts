import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import { ATTRIBUTE_SCOPES, type AttributeScope } from '../model/telemetry.ts';
import { oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { deviceOf, idParam } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { keyList } from './telemetry.ts';
import { list, NO_CONTENT, object } from './wire.ts';

const tag = 'attributes';
const URL = '/api/plugins/telemetry';
const MAX_KEY = 255;
const keys = optional(text('Comma-separated; absent: all keys.'));
const scope = oneOf('Scope.', ATTRIBUTE_SCOPES);
/** Client attributes are the device's own to write. */
const writable = oneOf('Scope; client attributes are written by the device only.', ['SHARED_SCOPE', 'SERVER_SCOPE']);
const ATTRIBUTES = list(object({ lastUpdateTs: { type: 'integer' }, key: { type: 'string' }, value: {} }));
const KEYS = list({ type: 'string' });

/** Attributes under ThingsBoard's paths, in both of its forms for writing. */
export function attributeRoutes(deps: AdminDeps): readonly Route[] {
  const { deviceApi, storage, clock } = deps;

  const read = async (device: Device, scopes: readonly AttributeScope[], asked: string | undefined) => {
    const maps = await Promise.all(scopes.map((one) => storage.attributes.read(device.id, one, keyList(asked))));
    return maps.flatMap((map) => [...map].map(([key, { ts, value }]) => ({ lastUpdateTs: ts, key, value })));
  };
  const audit = (action: string, device: Device, changed: readonly string[], at: AttributeScope, by: string) =>
    storage.audit.append({
      at: clock.now(),
      action,
      by,
      subject: `device:${device.id}`,
      outcome: 'done',
      facts: { scope: at, keys: changed.length },
    });
  const save = async (device: Device, at: AttributeScope, json: JsonValue, by: string): Promise<void> => {
    const written = await deviceApi.saveAttributes(device.id, at, attributesOf(json));
    await audit('attributes.save', device, written, at, by);
  };
  const remove = async (device: Device, at: AttributeScope, asked: string, by: string): Promise<void> => {
    const removed = await deviceApi.deleteAttributes(device.id, at, keyList(asked) ?? []);
    await audit('attributes.delete', device, removed, at, by);
  };
  const common = { tag, lenient: true } as const;

  const reads = [
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/DEVICE/:id/values/attributes`,
      summary: 'Attributes of all scopes.',
      role: 'read-only',
      supplier: 'device',
      params: idParam,
      query: { keys },
      answer: ATTRIBUTES,
      handle: async ({ params, query }) => read(await deviceOf(params.id, deps), ATTRIBUTE_SCOPES, query.keys),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/DEVICE/:id/values/attributes/:scope`,
      summary: 'Attributes of one scope.',
      role: 'read-only',
      supplier: 'device',
      params: { ...idParam, scope },
      query: { keys },
      answer: ATTRIBUTES,
      handle: async ({ params, query }) => read(await deviceOf(params.id, deps), [params.scope], query.keys),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/DEVICE/:id/keys/attributes`,
      summary: 'Attribute keys of all scopes.',
      role: 'read-only',
      supplier: 'device',
      params: idParam,
      answer: KEYS,
      async handle({ params }) {
        const found = await read(await deviceOf(params.id, deps), ATTRIBUTE_SCOPES, undefined);
        return [...new Set(found.map(({ key }) => key))];
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/DEVICE/:id/keys/attributes/:scope`,
      summary: 'Attribute keys of one scope.',
      role: 'read-only',
      supplier: 'device',
      params: { ...idParam, scope },
      answer: KEYS,
      async handle({ params }) {
        return (await read(await deviceOf(params.id, deps), [params.scope], undefined)).map(({ key }) => key);
      },
    }),
  ];

  // ThingsBoard offers each write with and without the entity type, and once more under `attributes/`.
  const writes = [`${URL}/DEVICE/:id/:scope`, `${URL}/DEVICE/:id/attributes/:scope`, `${URL}/:id/:scope`].flatMap(
    (url) => [
      defineRoute({
        ...common,
        method: 'POST',
        url,
        summary: 'Sets attributes; the device hears of shared ones.',
        role: 'operator',
        params: { ...idParam, scope: writable },
        anyObject: true,
        answer: NO_CONTENT,
        handle: async ({ params, json, by }) => save(await deviceOf(params.id, deps), params.scope, json, by),
      }),
      defineRoute({
        ...common,
        method: 'DELETE',
        url,
        summary: 'Removes attributes; the device hears of shared ones.',
        role: 'operator',
        params: { ...idParam, scope },
        query: { keys: text('Comma-separated.', { minLength: 1 }) },
        answer: NO_CONTENT,
        handle: async ({ params, query, by }) => remove(await deviceOf(params.id, deps), params.scope, query.keys, by),
      }),
    ],
  );
  return [...reads, ...writes];
}

/** Nulls are skipped, as from a device (thingsboard-device-api 3.4). */
function attributesOf(json: JsonValue): JsonObject {
  if (json === null || typeof json !== 'object' || Array.isArray(json) || json instanceof ExactNumber) {
    throw new BrokerError('BAD_REQUEST', { detail: 'the body must be a JSON object' });
  }
  const entries = Object.entries(json).filter(([, value]) => value !== null);
  const wrong = entries.find(([key]) => key.trim() === '' || key.length > MAX_KEY);
  if (wrong) throw new BrokerError('BAD_REQUEST', { detail: `a key must have 1 to ${MAX_KEY} characters` });
  return Object.fromEntries(entries);
}
