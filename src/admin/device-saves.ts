import { BrokerError } from '../errors.ts';
import type { Credentials, Device } from '../model/device.ts';
import { profileIdOf } from '../model/ids.ts';
import { type JsonObject, stringifyJson } from '../model/json.ts';
import { type Config, json, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { deviceAnswer, PACKAGE_FIELDS, packagesOf } from './device-answer.ts';
import { createDevice } from './device-create.ts';
import { deviceOf, profileWithId } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { fromThingsBoard, THINGSBOARD_CREDENTIALS, type ThingsBoardCredentials } from './thingsboard-credentials.ts';
import { DEVICE } from './wire.ts';

const tag = 'devices';
const idObject = (what: string) =>
  optional(
    json<{ readonly id: string } | null>(what, {
      type: ['object', 'null'],
      required: ['id'],
      properties: { id: { type: 'string' } },
    }),
  );
type GivenInfo = JsonObject & { readonly gateway?: boolean; readonly overwriteActivityTime?: boolean };
const MAX_INFO_CHARACTERS = 4_096;

/** `additionalInfo` as it is kept: our flags, and what else it holds; null takes all away. Throws BAD_REQUEST. */
function readInfo(given: GivenInfo | null) {
  // The last gateway is ours to say.
  const { gateway = false, overwriteActivityTime = false, lastConnectedGateway: _, ...info } = given ?? {};
  if (stringifyJson(info).length > MAX_INFO_CHARACTERS) {
    const detail = `additionalInfo has more than ${MAX_INFO_CHARACTERS} characters`;
    throw new BrokerError('BAD_REQUEST', { field: 'additionalInfo', detail });
  }
  return { flags: { gateway, overwriteActivityTime }, info: Object.keys(info).length === 0 ? null : info };
}
const fields = {
  name: text('Unique name.'),
  type: optional(json<string | null>('Name of the device profile.', { type: ['string', 'null'] })),
  deviceProfileId: idObject('The device profile, when `type` is absent.'),
  label: optional(json<string | null>('What people call it.', { type: ['string', 'null'] })),
  id: idObject('Present: the label, the gateway flag and the packages of this device are changed.'),
  ...PACKAGE_FIELDS,
  additionalInfo: optional(
    json<GivenInfo | null>(
      '`gateway` marks a gateway; `overwriteActivityTime`: its activity counts for its sub-devices; the rest is kept.',
      {
        type: ['object', 'null'],
        properties: { gateway: { type: 'boolean' }, overwriteActivityTime: { type: 'boolean' } },
      },
    ),
  ),
};
type Given = Config<typeof fields>;
const body = json<Given>('The device.', {
  type: 'object',
  required: ['name'],
  properties: Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema])),
});

/** Creating and changing devices under ThingsBoard's paths. */
export function deviceSaveRoutes(deps: AdminDeps): readonly Route[] {
  const create = async (given: Given, credentials: Credentials | undefined, by: string) => {
    const wanted = profileOf(given, deps);
    const { flags, info } = readInfo(given.additionalInfo ?? null);
    const assign = await packagesOf(given, wanted.profile, deps);
    const made = await createDevice(
      {
        name: given.name,
        ...wanted,
        gateway: flags.gateway,
        ...(info === null ? {} : { info }),
        ...(given.label === undefined || given.label === null ? {} : { label: given.label }),
        ...(credentials === undefined ? {} : { credentials }),
        by,
      },
      deps,
    );
    await assign(made.device, by);
    if (!flags.overwriteActivityTime) return made;
    return { ...made, device: await deps.registry.update(made.device.id, flags, by) };
  };
  const update = async (given: Given, id: string, by: string): Promise<Device> => {
    const device = await deviceOf(id, deps);
    const unchangeable = [
      ['name', given.name, device.name],
      ['type', given.type ?? device.profile, device.profile],
      ['deviceProfileId', given.deviceProfileId?.id ?? profileIdOf(device.profile), profileIdOf(device.profile)],
    ] as const;
    for (const [field, wanted, present] of unchangeable) {
      if (wanted === present) continue;
      throw new BrokerError('BAD_REQUEST', { field, detail: `the ${field} of a device cannot be changed` });
    }
    const kept = given.additionalInfo === undefined ? undefined : readInfo(given.additionalInfo);
    const change = {
      ...(given.label === undefined ? {} : { label: given.label }),
      ...(kept === undefined ? {} : { ...kept.flags, info: kept.info }),
    };
    const assign = await packagesOf(given, device.profile, deps);
    const changed = await deps.registry.update(device.id, change, by);
    await assign(changed, by);
    return changed;
  };
  return [
    defineRoute({
      method: 'POST',
      url: '/api/device',
      tag,
      summary:
        'Creates a device, or with an id changes one. Without accessToken one is made and shown in the answer, once.',
      role: 'administrator',
      lenient: true,
      query: { accessToken: optional(text('The access token of the device.')) },
      body: fields,
      answer: { ...DEVICE, description: 'The device; with `accessToken` when it was made here.' },
      async handle({ query, body: given, by }) {
        const token = query.accessToken;
        if (given.id) {
          if (token !== undefined) {
            const detail = 'the token of an existing device is changed with POST /api/device/credentials';
            throw new BrokerError('BAD_REQUEST', { field: 'accessToken', detail });
          }
          return deviceAnswer(await update(given, given.id.id, by), deps);
        }
        const { device, credentials } = await create(
          given,
          token === undefined ? undefined : { type: 'ACCESS_TOKEN', token },
          by,
        );
        const made = token === undefined && credentials.type === 'ACCESS_TOKEN';
        return { ...(await deviceAnswer(device, deps)), ...(made ? { accessToken: credentials.token } : {}) };
      },
    }),
    defineRoute({
      method: 'POST',
      url: '/api/device-with-credentials',
      tag,
      summary: 'Creates a device with the given credentials.',
      role: 'administrator',
      lenient: true,
      body: { device: body, credentials: json<ThingsBoardCredentials>('Its credentials.', THINGSBOARD_CREDENTIALS) },
      answer: DEVICE,
      async handle({ body: given, by }) {
        if (given.device.id) {
          throw new BrokerError('BAD_REQUEST', { field: 'device/id', detail: 'this path only creates devices' });
        }
        return deviceAnswer((await create(given.device, fromThingsBoard(given.credentials), by)).device, deps);
      },
    }),
  ];
}

function profileOf(given: Given, deps: AdminDeps): { readonly profile: string; readonly profileField: string } {
  if (given.type) return { profile: given.type, profileField: 'type' };
  const id = given.deviceProfileId?.id;
  if (id === undefined) return { profile: 'default', profileField: 'type' };
  const found = profileWithId(id, deps);
  if (!found) throw new BrokerError('PROFILE_NOT_FOUND', { field: 'deviceProfileId' });
  return { profile: found.name, profileField: 'deviceProfileId' };
}
