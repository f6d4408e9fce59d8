import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import { parseCustomerId, parseDeviceId, profileIdOf } from '../model/ids.ts';
import { optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { deviceAnswer, deviceAnswers } from './device-answer.ts';
import { deviceOf, idParam, MAX_PAGE_SIZE, pageFields } from './lookup.ts';
import { mayRead, readableDevices } from './readable.ts';
import { defineRoute, type Route } from './route.ts';
import { countedPageOf, DEVICE, list, object, toCountedPage } from './wire.ts';

const common = { tag: 'devices', role: 'read-only', lenient: true } as const;
const INFO = object({
  ...(DEVICE.properties as Record<string, object>),
  deviceProfileName: { type: 'string' },
  active: { type: 'boolean' },
});

/** Further ways of ThingsBoard's to read devices. */
export function deviceInfoRoutes(deps: AdminDeps): readonly Route[] {
  const { deviceApi, registry, storage, profiles } = deps;
  const toInfo = async (device: Device) => {
    const answer = await deviceAnswer(device, deps);
    const owner = parseCustomerId(answer.customerId.id);
    const customer = owner && (await storage.customers.customer(owner));
    const { active } = Object.fromEntries(await storage.attributes.read(device.id, 'SERVER_SCOPE', ['active']));
    return {
      ...answer,
      customerTitle: customer?.title ?? null,
      customerIsPublic: false,
      deviceProfileName: device.profile,
      active: typeof active?.value === 'boolean' ? active.value : deviceApi.isConnected(device.id),
    };
  };
  const profileName = (id: string | undefined): string | undefined => {
    if (!id) return undefined;
    const found = profiles()
      .all()
      .find(({ name }) => profileIdOf(name) === id.toLowerCase());
    if (!found) throw new BrokerError('PROFILE_NOT_FOUND', { field: 'deviceProfileId' });
    return found.name;
  };
  return [
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/tenant/deviceInfos',
      summary: 'A page of devices by name, with profile and activity.',
      supplier: 'own',
      query: {
        textSearch: optional(text('Part of the name, in any case.')),
        type: optional(text('Name of the device profile.')),
        deviceProfileId: optional(text('Id of the device profile.')),
        ...pageFields,
      },
      answer: countedPageOf(INFO),
      async handle({ query, principal }) {
        const { page, pageSize, textSearch } = query;
        const profile = query.type || profileName(query.deviceProfileId);
        const filter = { page, pageSize, ...(textSearch ? { textSearch } : {}), ...(profile ? { profile } : {}) };
        const found = await readableDevices(principal, filter, deps);
        const infos = await Promise.all(found.data.map(toInfo));
        return toCountedPage({ ...found, data: infos }, pageSize, (info) => info);
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/device/info/:id',
      summary: 'One device, with profile and activity.',
      supplier: 'device',
      params: idParam,
      answer: INFO,
      handle: async ({ params }) => toInfo(await deviceOf(params.id, deps)),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/tenant/device',
      summary: 'The device of a name.',
      supplier: 'own',
      query: { deviceName: text('Exact name.', { minLength: 1 }) },
      answer: DEVICE,
      async handle({ query, principal }) {
        const device = await registry.deviceByName(query.deviceName);
        if (!device || !(await mayRead(principal, device.id, deps))) {
          throw new BrokerError('DEVICE_NOT_FOUND', { field: 'deviceName' });
        }
        return deviceAnswer(device, deps);
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/devices',
      summary: 'The devices of these ids; unknown ones are left out.',
      supplier: 'own',
      query: { deviceIds: text('Comma-separated.', { minLength: 1 }) },
      answer: list(DEVICE),
      async handle({ query, principal }) {
        const ids = [...new Set(query.deviceIds.split(','))];
        if (ids.length > MAX_PAGE_SIZE) {
          throw new BrokerError('BAD_REQUEST', { field: 'deviceIds', detail: `more than ${MAX_PAGE_SIZE} ids` });
        }
        const found = await Promise.all(
          ids.map(async (text) => {
            const id = parseDeviceId(text.trim());
            if (id === undefined) {
              throw new BrokerError('BAD_REQUEST', { field: 'deviceIds', detail: 'not a list of UUIDs' });
            }
            return (await mayRead(principal, id, deps)) ? registry.device(id) : undefined;
          }),
        );
        return deviceAnswers(
          found.filter((device) => device !== undefined),
          deps,
        );
      },
    }),
  ];
}
