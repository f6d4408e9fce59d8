import { BrokerError } from '../errors.ts';
import { DEVICE_STATES, type Device, stateOf } from '../model/device.ts';
import { integer, json, optional, text } from '../schema/fields.ts';
import { CREDENTIALS, checkedCredentials } from './credentials.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice, MAX_PAGE_SIZE } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { list, NO_CONTENT, object } from './wire.ts';

const tag = 'devices';
const URL = '/api/gridmoor/devices';
const TOMBSTONES = '/api/gridmoor/tombstones';
const string = { type: 'string' } as const;
const params = { id: text('Id or name of the device.') };
const STATE = object({ id: string, name: string, profile: string, state: { enum: DEVICE_STATES } });

const stateAnswer = (device: Device) => ({
  id: device.id,
  name: device.name,
  profile: device.profile,
  state: stateOf(device),
});

/** Life-cycle of devices: disable, enable, retire, replace, and the tombstones that retired ones leave. */
export function deviceLifeRoutes(deps: AdminDeps): readonly Route[] {
  const { lifeCycle, deviceApi, attachments } = deps;
  const found = async (ref: string): Promise<Device> => {
    const device = await findDevice(ref, deps);
    if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
    return device;
  };
  const change = (word: string, summary: string, run: (device: Device, by: string) => Promise<Device>): Route =>
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/${word}`,
      tag,
      summary,
      role: 'operator',
      params,
      answer: STATE,
      handle: async ({ params: { id }, by }) => stateAnswer(await run(await found(id), by)),
    });
  return [
    defineRoute({
      method: 'GET',
      url: `${URL}/:id/state`,
      tag,
      summary: 'Where a device is in its life.',
      role: 'read-only',
      params,
      answer: STATE,
      handle: async ({ params: { id } }) => stateAnswer(await found(id)),
    }),
    change('disable', 'Ends the session of a device and refuses it until it is enabled.', async ({ id }, by) => {
      const device = await lifeCycle.disable(id, by);
      deviceApi.endSession(id, 'device-disabled');
      return device;
    }),
    change('enable', 'Lets a disabled device in again, with the credentials it had.', async ({ id }, by) => {
      const device = await lifeCycle.enable(id, by);
      await deviceApi.things.enabled(device);
      return device;
    }),
    change(
      'retire',
      'Ends a device for good: session, credentials, attachment. Its history stays, its name cannot come back.',
      async ({ id }, by) => {
        const device = await lifeCycle.retire(id, by);
        deviceApi.endSession(id, 'device-disabled');
        if (await attachments.attachment(id)) await attachments.end(id, by);
        return device;
      },
    ),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/replace`,
      tag,
      summary: 'Another unit takes the place of a device and keeps its id, history, relations and attachment.',
      role: 'administrator',
      params,
      body: {
        name: text('Name of the new unit: its serial number.'),
        credentials: optional(json<unknown>('Absent: made, as for a new device.', CREDENTIALS)),
      },
      answer: object({
        id: string,
        name: string,
        profile: string,
        state: { enum: DEVICE_STATES },
        credentials: { ...CREDENTIALS, description: 'Shown this once.' },
      }),
      async handle({ params: { id }, body, by }) {
        const given = checkedCredentials(body.credentials);
        const former = await found(id);
        const replaced = await lifeCycle.replace(former.id, {
          name: body.name,
          ...(given ? { credentials: given } : {}),
          by,
        });
        deviceApi.endSession(former.id, 'device-disabled');
        return { ...stateAnswer(replaced.device), credentials: replaced.credentials };
      },
    }),
    defineRoute({
      method: 'GET',
      url: TOMBSTONES,
      tag,
      summary: 'Names of devices that were retired and deleted, or replaced: nothing of these names is registered.',
      role: 'read-only',
      query: {
        after: optional(text('Names behind this one.')),
        limit: integer('How many at most.', { minimum: 1, maximum: MAX_PAGE_SIZE, default: 100 }),
      },
      answer: object({
        data: list(
          object({
            name: string,
            deviceId: string,
            profile: string,
            why: { enum: ['retired', 'replaced'] },
            at: { type: 'integer' },
            by: string,
          }),
        ),
      }),
      handle: async ({ query: { after, limit } }) => ({
        data: await lifeCycle.tombstones.list({ limit, ...(after === undefined ? {} : { after }) }),
      }),
    }),
    defineRoute({
      method: 'DELETE',
      url: `${TOMBSTONES}/:name`,
      tag,
      summary: 'Lets the name of a retired or replaced device be registered again; what is stored of it stays.',
      role: 'administrator',
      params: { name: text('Name of the device.') },
      status: 204,
      answer: NO_CONTENT,
      handle: ({ params: { name }, by }) => lifeCycle.lift(name, by),
    }),
  ];
}
