import { BrokerError } from '../errors.ts';
import { type DeviceId, parseDeviceId, parseUuid } from '../model/ids.ts';
import {
  CAMPAIGN_STATES,
  type OtaCampaign,
  type OtaTarget,
  SKIP_REASONS,
  TARGET_STATES,
} from '../model/ota-campaign.ts';
import { integer, number, optional, text, texts } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice } from './lookup.ts';
import { otaIdOf } from './ota.ts';
import { defineRoute, type Route } from './route.ts';
import { NO_CONTENT, object, pageOf, wholePage } from './wire.ts';

const URL = '/api/gridmoor/ota/campaigns';
const tag = 'firmware and software';
const MAX_DEVICES = 20_000;
const DAY_SECONDS = 86_400;

const string = { type: 'string' };
const count = { type: 'integer' };
const time = { type: 'integer', description: 'Milliseconds since 1970.' };
const CAMPAIGN = object({
  id: string,
  name: string,
  package: string,
  kind: string,
  title: string,
  version: { ...string, description: 'What devices must report in the end.' },
  state: { enum: CAMPAIGN_STATES },
  'ends?': { ...string, description: 'It is being ended so.' },
  timeoutSeconds: { type: 'number' },
  retries: count,
  'maxFailures?': count,
  targets: count,
  skipped: {
    type: 'object',
    description: 'Devices that could have been meant and are not, by reason.',
    properties: Object.fromEntries(SKIP_REASONS.map((reason) => [reason, count])),
  },
  createdTime: time,
  'endedTime?': time,
  by: string,
});
const TARGET = object({
  device: string,
  name: string,
  from: { ...string, description: 'The version that it reported before.' },
  state: { enum: TARGET_STATES },
  verify: { type: 'boolean' },
  attempts: count,
  'progress?': { type: 'number', description: 'Percent, as it reports.' },
  'reason?': { ...string, description: 'Why it failed: TIMEOUT, VERSION_UNCHANGED, DOWNLOAD_FAILED, …' },
  'deadline?': time,
  changedTime: time,
});
const TARGETS = object({ data: { type: 'array', items: TARGET }, 'next?': string });
const idParam = { id: text('Id of the campaign.') };

const toCampaign = ({ timeoutMs, createdAt, endedAt, ...rest }: OtaCampaign) => ({
  ...rest,
  timeoutSeconds: timeoutMs / 1_000,
  createdTime: createdAt,
  ...(endedAt === undefined ? {} : { endedTime: endedAt }),
});

const toTarget = ({ former: _, ending: __, telling: ___, changedAt, ...rest }: OtaTarget) => ({
  ...rest,
  changedTime: changedAt,
});

/** Rollouts of packages to chosen devices. */
export function otaCampaignRoutes(deps: AdminDeps): readonly Route[] {
  const { campaigns } = deps.ota;
  const idOf = (given: string): string => {
    const id = parseUuid(given);
    if (id === undefined) throw new BrokerError('NOT_FOUND', { field: 'id', detail: 'there is no such campaign' });
    return id;
  };
  const devicesOf = async (refs: readonly string[] | undefined, field: string) => {
    if (refs === undefined) return undefined;
    if (refs.length > MAX_DEVICES) {
      throw new BrokerError('BAD_REQUEST', { field, detail: `"${field}" names more than ${MAX_DEVICES} devices` });
    }
    const ids = new Set<DeviceId>();
    for (const ref of refs) {
      const device = await findDevice(ref, deps);
      if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field, device: ref });
      ids.add(device.id);
    }
    return [...ids];
  };

  return [
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Rolls a package out to devices that report another version: a list, or a share of a profile.',
      role: 'administrator',
      body: {
        name: text('For people.', { minLength: 1 }),
        package: text('Id of the package.'),
        devices: optional(texts('Ids or names of the devices; absent: all of the profile.', { minItems: 1 })),
        profile: optional(text("Profile of the devices; absent: the package's.")),
        versions: optional(texts('Only devices that report one of these versions.', { minItems: 1 })),
        percent: optional(number('So many of those that are left.', { minimum: 0.001, maximum: 100 })),
        verifyDevices: optional(
          texts('Ids or names of devices that are told first; the others follow when all of them have succeeded.', {
            minItems: 1,
          }),
        ),
        verifyCount: optional(integer('The same by number.', { minimum: 1, maximum: MAX_DEVICES })),
        timeoutSeconds: number('How long a device may take from when it was told.', {
          minimum: 1,
          maximum: 30 * DAY_SECONDS,
          default: 3_600,
        }),
        retries: integer('Tries after the first.', { minimum: 0, maximum: 10, default: 0 }),
        maxFailures: optional(integer('So many failed devices stop the campaign.', { minimum: 1 })),
      },
      status: 201,
      answer: CAMPAIGN,
      async handle({ body, by }) {
        const { name, timeoutSeconds, retries, profile, versions, percent, verifyCount, maxFailures } = body;
        if (profile !== undefined && !deps.profiles().byName(profile)) {
          throw new BrokerError('PROFILE_NOT_FOUND', { field: 'profile' });
        }
        const devices = await devicesOf(body.devices, 'devices');
        const verifyDevices = await devicesOf(body.verifyDevices, 'verifyDevices');
        const wanted = {
          name,
          package: otaIdOf(body.package, 'package'),
          timeoutMs: Math.round(timeoutSeconds * 1_000),
          retries,
          ...(devices ? { devices } : {}),
          ...(verifyDevices ? { verifyDevices } : {}),
          ...(profile === undefined ? {} : { profile }),
          ...(versions === undefined ? {} : { versions }),
          ...(percent === undefined ? {} : { percent }),
          ...(verifyCount === undefined ? {} : { verifyCount }),
          ...(maxFailures === undefined ? {} : { maxFailures }),
        };
        return toCampaign(await campaigns.create(wanted, by));
      },
    }),
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Lists the campaigns: open ones, then ended ones.',
      role: 'read-only',
      answer: pageOf(CAMPAIGN),
      handle: async () => wholePage((await campaigns.list()).map(toCampaign)),
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/:id`,
      tag,
      summary: 'One campaign.',
      role: 'read-only',
      params: idParam,
      answer: CAMPAIGN,
      async handle({ params }) {
        const found = await campaigns.campaign(idOf(params.id));
        if (!found) throw new BrokerError('NOT_FOUND', { field: 'id', detail: 'there is no such campaign' });
        return toCampaign(found);
      },
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/:id/devices`,
      tag,
      summary: 'Devices of a campaign and how far each is; `next` is the `after` of the next page.',
      role: 'read-only',
      params: idParam,
      query: { after: optional(text('Id of the last device of the page before.')) },
      answer: TARGETS,
      async handle({ params, query }) {
        const after = query.after === undefined ? undefined : parseDeviceId(query.after);
        if (query.after !== undefined && after === undefined) {
          throw new BrokerError('BAD_REQUEST', { field: 'after', detail: '"after" is not a UUID' });
        }
        const { targets, next } = await campaigns.targets(idOf(params.id), after);
        return { data: targets.map(toTarget), ...(next === undefined ? {} : { next }) };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/stop`,
      tag,
      summary: 'Tells nobody any more, and takes the package from the devices that are not done.',
      role: 'administrator',
      params: idParam,
      answer: CAMPAIGN,
      handle: async ({ params, by }) => toCampaign(await campaigns.stop(idOf(params.id), by)),
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:id`,
      tag,
      summary: 'Forgets a campaign that has ended.',
      role: 'administrator',
      params: idParam,
      status: 204,
      answer: NO_CONTENT,
      handle: ({ params, by }) => campaigns.remove(idOf(params.id), by),
    }),
  ];
}
