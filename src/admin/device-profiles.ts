import { BrokerError } from '../errors.ts';
import { TENANT } from '../model/entity.ts';
import { profileIdOf } from '../model/ids.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import { optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { idParam, pageFields, profileWithId, uuidOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, countedPageOf, object, toCountedPage } from './wire.ts';

const string = { type: 'string' } as const;
const ID = object({ entityType: string, id: string });
const INFO = object({ id: ID, name: string, type: string, transportType: string });
const PROFILE = object({
  id: ID,
  createdTime: { type: 'integer' },
  name: string,
  type: string,
  transportType: string,
  provisionType: string,
  profileData: ANY_OBJECT,
  default: { type: 'boolean' },
});
const common = { tag: 'device profiles', role: 'read-only', lenient: true } as const;
const pageQuery = { textSearch: optional(text('Part of the name, in any case.')), ...pageFields };

/** Device profiles, read only: they are files. Their provision keys and secrets are not given out. */
export function deviceProfileRoutes(deps: AdminDeps): readonly Route[] {
  const { profiles } = deps;
  const find = (id: string): DeviceProfile => {
    const found = profileWithId(uuidOf(id), deps);
    // The code PROFILE_NOT_FOUND is for a word of a body; here the path names nothing.
    if (!found) throw new BrokerError('NOT_FOUND', { field: 'id' });
    return found;
  };
  const page = (query: {
    readonly page: number;
    readonly pageSize: number;
    readonly textSearch: string | undefined;
  }) => {
    const part = (query.textSearch ?? '').toLowerCase();
    const all = profiles()
      .all()
      .filter(({ name }) => name.toLowerCase().includes(part));
    const from = query.page * query.pageSize;
    const to = from + query.pageSize;
    return { data: all.slice(from, to), totalElements: all.length, hasNext: to < all.length };
  };
  return [
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/deviceProfiles',
      summary: 'A page of device profiles by name.',
      query: pageQuery,
      answer: countedPageOf(PROFILE),
      handle: async ({ query }) => toCountedPage(page(query), query.pageSize, toProfile),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/deviceProfileInfos',
      summary: 'A page of device profiles by name, in short.',
      query: pageQuery,
      answer: countedPageOf(INFO),
      handle: async ({ query }) => toCountedPage(page(query), query.pageSize, toInfo),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/deviceProfile/:id',
      summary: 'One device profile; its id follows from its name.',
      params: idParam,
      answer: PROFILE,
      handle: async ({ params }) => toProfile(find(params.id)),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/deviceProfileInfo/:id',
      summary: 'One device profile, in short.',
      params: idParam,
      answer: INFO,
      handle: async ({ params }) => toInfo(find(params.id)),
    }),
  ];
}

const PROVISION_TYPES = {
  disabled: 'DISABLED',
  'allow-create-new-devices': 'ALLOW_CREATE_NEW_DEVICES',
  'check-pre-provisioned-devices': 'CHECK_PRE_PROVISIONED_DEVICES',
} as const satisfies Partial<Record<DeviceProfile['provision']['strategy'], string>>;

const toInfo = ({ name, transport }: DeviceProfile) => ({
  id: { entityType: 'DEVICE_PROFILE', id: profileIdOf(name) },
  tenantId: TENANT,
  name,
  image: null,
  defaultDashboardId: null,
  type: 'DEFAULT',
  transportType: transport.toUpperCase(),
});

function toProfile(profile: DeviceProfile) {
  const { description, topics, transport, provision, sendAckOnValidationException } = profile;
  const type = transport.toUpperCase();
  return {
    ...toInfo(profile),
    createdTime: 0,
    description: description ?? null,
    provisionType: PROVISION_TYPES[provision.strategy],
    provisionDeviceKey: null,
    defaultRuleChainId: null,
    profileData: {
      configuration: { type: 'DEFAULT' },
      transportConfiguration: {
        type,
        ...(transport === 'coap'
          ? {
              coapDeviceTypeConfiguration: {
                coapDeviceType: 'DEFAULT',
                transportPayloadTypeConfiguration: payloadOf(profile),
              },
            }
          : {}),
        ...(transport === 'mqtt'
          ? {
              deviceTelemetryTopic: topics.telemetry?.text,
              deviceAttributesTopic: topics.attributes?.text,
              deviceAttributesSubscribeTopic: topics.attributesSubscribe?.text,
              sendAckOnValidationException,
              transportPayloadTypeConfiguration: payloadOf(profile),
            }
          : {}),
      },
      provisionConfiguration: { type: PROVISION_TYPES[provision.strategy], provisionDeviceSecret: null },
      alarms: profile.exportedAlarms ?? [],
    },
    default: profile.name === 'default',
  };
}

const payloadOf = ({ protobuf }: DeviceProfile) =>
  protobuf
    ? {
        transportPayloadType: 'PROTOBUF',
        enableCompatibilityWithJsonPayloadFormat: protobuf.compatibleWithJson,
        useJsonPayloadFormatForDefaultDownlinkTopics: protobuf.jsonOnDefaultDownlinkTopics,
      }
    : { transportPayloadType: 'JSON' };
