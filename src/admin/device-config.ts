import type { DeviceConfig } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import { isJsonObject, parseJson } from '../model/json.ts';
import { text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, NO_CONTENT, object } from './wire.ts';

const string = { type: 'string' };
const CONFIG = object({
  id: string,
  digest: { ...string, description: 'SHA-256 of the compact JSON, hex.' },
  setTime: { type: 'integer', description: 'Milliseconds since 1970.' },
  config: ANY_OBJECT,
});
const ofDevice = {
  url: '/api/gridmoor/devices/:id/config',
  tag: 'devices',
  params: { id: text('Id or name of the device.') },
} as const;
const JSON_LIMITS = { maxDepth: 64, maxKeys: 100_000 };

function toAnswer({ id, digest, setAt, text: stored }: DeviceConfig) {
  const parsed = parseJson(stored, JSON_LIMITS);
  return { id, digest, setTime: setAt, config: parsed.ok ? parsed.value : {} };
}

/** Configurations that devices are told of and ask for. */
export function deviceConfigRoutes(deps: AdminDeps): readonly Route[] {
  const { configs } = deps.deviceApi.things;
  const deviceNamed = async (ref: string) => {
    const device = await findDevice(ref, deps);
    if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
    return device;
  };
  const none = () => new BrokerError('NOT_FOUND', { field: 'id', detail: 'the device has no configuration' });
  return [
    defineRoute({
      ...ofDevice,
      method: 'GET',
      summary: 'The configuration of a device, with its digest.',
      role: 'read-only',
      answer: CONFIG,
      async handle({ params }) {
        const config = await configs.of((await deviceNamed(params.id)).id);
        if (!config) throw none();
        return toAnswer(config);
      },
    }),
    defineRoute({
      ...ofDevice,
      method: 'PUT',
      summary: 'Gives a device a configuration; it is told at once, or once at its next login.',
      role: 'operator',
      anyObject: true,
      uniqueKeys: true,
      answer: CONFIG,
      async handle({ params, json, by }) {
        if (!isJsonObject(json)) throw new BrokerError('BAD_REQUEST', { detail: 'the body must be a JSON object' });
        return toAnswer(await configs.set(await deviceNamed(params.id), json, by));
      },
    }),
    defineRoute({
      ...ofDevice,
      method: 'DELETE',
      summary: 'Forgets the configuration of a device, and does not tell it.',
      role: 'operator',
      status: 204,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        if (!(await configs.remove((await deviceNamed(params.id)).id, by))) throw none();
      },
    }),
  ];
}
