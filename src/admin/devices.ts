import { BrokerError } from '../errors.ts';
import { DEVICE_STATES, stateOf } from '../model/device.ts';
import { flag, json, optional, text } from '../schema/fields.ts';
import { CREDENTIALS, checkedCredentials } from './credentials.ts';
import { CREDENTIALS_ENDS, credentialsEnds } from './credentials-ends.ts';
import type { AdminDeps } from './deps.ts';
import { deviceAnswer, deviceAnswers } from './device-answer.ts';
import { createDevice } from './device-create.ts';
import { deviceOf, findDevice, idParam, pageFields } from './lookup.ts';
import { mayRead, readableDevices } from './readable.ts';
import { defineRoute, type Route } from './route.ts';
import { countedPageOf, DEVICE, NO_CONTENT, object, toCountedPage } from './wire.ts';

const tag = 'devices';
const URL = '/api/gridmoor/devices';
const CREATED = object({
  id: { type: 'string' },
  name: { type: 'string' },
  profile: { type: 'string' },
  credentials: { ...CREDENTIALS, description: 'Shown this once.' },
});

/** Devices: ThingsBoard's paths, and pre-provisioning and rotation under our own. */
export function deviceRoutes(deps: AdminDeps): readonly Route[] {
  const { registry, deviceApi } = deps;
  return [
    defineRoute({
      method: 'GET',
      url: '/api/tenant/devices',
      tag,
      summary: 'The device of a name (deviceName), or a page of devices by name.',
      role: 'read-only',
      supplier: 'own',
      lenient: true,
      query: {
        deviceName: optional(text('Exact name; the answer is one device or 404.')),
        textSearch: optional(text('Part of the name, in any case.')),
        type: optional(text('Name of the device profile.')),
        ...pageFields,
      },
      answer: { anyOf: [DEVICE, countedPageOf(DEVICE)] },
      async handle({ query, principal }) {
        const { deviceName, textSearch, type, page, pageSize } = query;
        if (deviceName !== undefined) {
          const device = await registry.deviceByName(deviceName);
          if (!device || !(await mayRead(principal, device.id, deps)))
            throw new BrokerError('DEVICE_NOT_FOUND', { field: 'deviceName' });
          return deviceAnswer(device, deps);
        }
        const filter = { page, pageSize, ...(textSearch ? { textSearch } : {}), ...(type ? { profile: type } : {}) };
        const found = await readableDevices(principal, filter, deps);
        const data = await deviceAnswers(found.data, deps);
        return toCountedPage({ ...found, data }, pageSize, (device) => device);
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/device/:id',
      tag,
      summary: 'One device.',
      role: 'read-only',
      supplier: 'device',
      lenient: true,
      params: idParam,
      answer: DEVICE,
      handle: async ({ params }) => deviceAnswer(await deviceOf(params.id, deps), deps),
    }),
    defineRoute({
      method: 'DELETE',
      url: '/api/device/:id',
      tag,
      summary: 'Deletes a device with all that it has, and ends its session.',
      role: 'operator',
      lenient: true,
      params: idParam,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        const { id } = await deviceOf(params.id, deps);
        await registry.remove(id, by);
        await deviceApi.things.configs.remove(id, by);
        deviceApi.endSession(id, 'device-deleted');
      },
    }),
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Registers a device before it comes; its credentials are shown this once.',
      role: 'administrator',
      body: {
        name: text('Unique name.'),
        profile: text('Name of the device profile.'),
        label: optional(text('What people call it.')),
        credentials: optional(
          json<unknown>('Absent: an access token is made; in a product, a device secret.', CREDENTIALS),
        ),
        keepSealed: flag('Keep the credentials, sealed, for the device to fetch once (pre-provisioned devices).', {
          default: false,
        }),
      },
      status: 201,
      answer: CREATED,
      async handle({ body, by }) {
        const { name, profile, label, keepSealed } = body;
        const given = checkedCredentials(body.credentials);
        const { device, credentials } = await createDevice(
          {
            name,
            profile,
            profileField: 'profile',
            keepSealed,
            ...(label === undefined ? {} : { label }),
            ...(given ? { credentials: given } : {}),
            by,
          },
          deps,
        );
        return { id: device.id, name: device.name, profile: device.profile, credentials };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/reset-activation`,
      tag,
      summary:
        "Lets a device that signs be activated with its product's secret once more; its own works on until then.",
      role: 'administrator',
      params: { id: text('Id or name of the device.') },
      answer: object({ id: { type: 'string' }, name: { type: 'string' }, state: { enum: DEVICE_STATES } }),
      async handle({ params, by }) {
        const found = await findDevice(params.id, deps);
        if (!found) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
        const device = await registry.resetActivation(found.id, by);
        return { id: device.id, name: device.name, state: stateOf(device) };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/rotate`,
      tag,
      summary: 'Gives a device new credentials, shown this once; sessions of the old ones end when those do.',
      role: 'administrator',
      params: { id: text('Id or name of the device.') },
      body: {
        credentials: optional(json<unknown>('Absent: an access token is made.', CREDENTIALS)),
        ...CREDENTIALS_ENDS,
      },
      answer: CREATED,
      async handle({ params, body, by }) {
        const device = await findDevice(params.id, deps);
        if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
        const ends = credentialsEnds(body, deps.clock);
        const credentials = await registry.rotate(device.id, checkedCredentials(body.credentials), by, ends);
        await deviceApi.credentialsChanged(device.id);
        return { id: device.id, name: device.name, profile: device.profile, credentials };
      },
    }),
  ];
}
