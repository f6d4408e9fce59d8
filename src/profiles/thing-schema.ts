import { SIGNATURE_HASHES } from '../dialects/wire/dialect.ts';
import { type Config, flag, integer, json, jsonSchemaOf, oneOf, optional, text, texts } from '../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../schema/secret-ref.ts';
import { x509Fields } from './x509-schema.ts';

/** Fields of profiles whose devices sign with a secret of their own (registration-protocols 4). */

/** What happens when a device that exists asks to be registered. */
export const ON_EXISTING = ['reject', 'return', 'rotate-until-active', 'once', 'rotate'] as const;
export type OnExisting = (typeof ON_EXISTING)[number];

/** Where a device's name comes from. */
export const NAME_SOURCES = ['deviceKey', 'productKey.deviceKey'] as const;
export type NameSource = (typeof NAME_SOURCES)[number];

const PRODUCT_SECRET_SCHEMA = secretRefSchema('unset, the profile is refused');

/** One slot; a previous secret works until its end. */
export interface ProductSecretSpec {
  readonly secret: SecretRef;
  readonly state: 'current' | 'previous';
  readonly until?: string;
}

export const productFields = {
  key: text('The product key that devices name. Unique over all profiles.', { minLength: 1, examples: ['pK11111'] }),
  secrets: json<readonly ProductSecretSpec[]>(
    'Secrets of the product: the current one, and the one before until its end. Without any, devices get in with their own secrets only.',
    {
      type: 'array',
      maxItems: 2,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['secret', 'state'],
        properties: {
          secret: PRODUCT_SECRET_SCHEMA,
          state: { enum: ['current', 'previous'] },
          until: {
            description: 'When a previous secret stops working: 2030-01-01T00:00:00Z.',
            type: 'string',
            pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?(Z|[+-]\\d{2}:\\d{2}))?$',
          },
        },
      },
    },
    { default: [] },
  ),
  orgId: optional(text("The customer's organisation, as service accounts name it.", { minLength: 1 })),
};

export const credentialFields = {
  hashes: json<readonly (typeof SIGNATURE_HASHES)[number][]>(
    'Hashes that a signature may be made with.',
    { type: 'array', minItems: 1, uniqueItems: true, items: { enum: SIGNATURE_HASHES } },
    { default: ['sha256'] },
  ),
  secretBytes: integer('Random bytes of a device secret, which is written in hex.', {
    minimum: 16,
    maximum: 31,
    default: 16,
  }),
};

export const namingFields = {
  source: oneOf("Where a device's name comes from.", NAME_SOURCES, { default: 'deviceKey' }),
  pattern: optional(
    text('Regular expression that device keys must match besides the rules of the dialect.', {
      examples: ['^[A-Za-z0-9_.:-]{4,63}$'],
    }),
  ),
};

export const listenerFields = {
  requireTls: flag('Whether devices are let in over TLS only, here or at a load balancer that says so.', {
    default: false,
  }),
  allowPlaintextProvisioning: flag(
    "Whether the product's secret is taken over a connection without TLS; a warning says so at the start.",
    { default: false },
  ),
};

const refusalCode = { enum: [2, 3, 4, 5] };
export const compatFields = {
  legacyHashes: flag('Whether SHA-1 and MD5 are taken, too, from clients that know no other.', { default: false }),
  pushWithoutSubscription: flag(
    'Whether replies and calls are sent to a client that did not subscribe to their topics, as SDKs of EnOS never do. Off: they are dropped, except for what answers an activation or registration.',
    { default: true },
  ),
  refusalCodes: optional(
    json<{ readonly credentials?: 2 | 3 | 4 | 5; readonly notAllowed?: 2 | 3 | 4 | 5 }>(
      'MQTT 3.1.1 return codes of refused logins; the vendors document none.',
      {
        type: 'object',
        additionalProperties: false,
        properties: {
          credentials: { ...refusalCode, description: 'Unknown key, unknown device, wrong signature. Absent: 4.' },
          notAllowed: { ...refusalCode, description: 'Signed rightly, but not let in. Absent: 5.' },
        },
      },
    ),
  ),
};

/** What `provision` has of other dialects besides. */
export const thingProvisionFields = {
  serviceAccounts: optional(
    texts(
      'Service accounts, by name, that may register and manage the devices over the REST API of EnOS. Needs product.orgId.',
      { minItems: 1, examples: [['rod-app']] },
    ),
  ),
  functionCompute: flag(
    "Whether a device gets its triple by POST of its deviceId, as from a function of Alibaba's: with a proof at any time, without one when it is listed and has not logged in yet.",
    { default: false },
  ),
};

export const integrationFields = {
  enabled: flag("Whether a back end may publish for all devices of the product, signed with the product's secret.", {
    default: false,
  }),
  rawDevice: optional(
    text(
      'Key of the device whose chain gets raw bytes that come over the channel, as `RAW_DATA`: they name no device themselves. Absent: they are refused.',
      { minLength: 1, examples: ['converter'] },
    ),
  ),
};

export interface ChildrenSpec {
  readonly profiles: readonly string[];
  readonly maxPerRequest?: number;
  readonly max?: number;
}

export const gatewayFields = {
  children: json<ChildrenSpec>('Sub-devices that the devices may register, log in and publish for.', {
    type: 'object',
    additionalProperties: false,
    required: ['profiles'],
    properties: {
      profiles: {
        description: 'Profiles of the sub-devices, by name.',
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: { type: 'string', minLength: 1 },
      },
      maxPerRequest: {
        description: 'Sub-devices that one request may name. Absent: 30.',
        type: 'integer',
        minimum: 1,
        maximum: 1000,
      },
      max: {
        description: 'Sub-devices in the topology of one gateway, and logged in over it. Absent: 2000.',
        type: 'integer',
        minimum: 1,
        maximum: 10_000,
      },
    },
  }),
};

export const downloadFields = {
  url: text(
    'Where devices reach the HTTP port of these brokers, without a path: packages that are kept here get an address below it.',
    { minLength: 1, examples: ['https://iot.example.org'] },
  ),
};

export const fileFields = {
  maxKb: integer('Largest file, KiB.', { minimum: 1, maximum: 1024, default: 512 }),
  max: integer('Files that are kept for one device.', { minimum: 1, maximum: 1000, default: 16 }),
  days: integer('Days until a file is forgotten.', { minimum: 1, maximum: 3650, default: 30 }),
};
export type FileRules = Config<typeof fileFields>;

export type ProductConfig = Config<typeof productFields>;

const group = <F extends Parameters<typeof jsonSchemaOf>[0]>(description: string, fields: F) =>
  optional(json<Config<F>>(description, jsonSchemaOf(fields)));

export const thingFields = {
  dialect: oneOf(
    'What the devices speak: ThingsBoard’s device API, or that of another vendor.',
    ['native', 'enos', 'alibaba'] as const,
    { default: 'native' },
  ),
  product: group('The product that the devices belong to; for another dialect than native.', productFields),
  credentials: group('How devices sign.', credentialFields),
  naming: group('How devices are named.', namingFields),
  listeners: group('What connections must be like.', listenerFields),
  integration: group('The message integration channel of EnOS.', integrationFields),
  gateway: group('What gateways may do for sub-devices; absent: the devices are no gateways.', gatewayFields),
  downloads: group(
    'How devices fetch firmware that is kept here; absent: they are offered other firmware only.',
    downloadFields,
  ),
  files: group('Files that devices of EnOS send beside a message over HTTP; absent: none are taken.', fileFields),
  x509: group(
    'Devices get certificates from an authority of this profile, for requests (CSR) of their own. They log in by one over mutual TLS; those of EnOS and Alibaba show one at each login besides their signature.',
    x509Fields,
  ),
  compat: group('What is tolerated for old clients.', compatFields),
};
