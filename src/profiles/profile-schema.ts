import { ALARM_SEVERITIES } from '../model/alarm.ts';
import { type Config, flag, integer, json, jsonSchemaOf, oneOf, optional, text, texts } from '../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../schema/secret-ref.ts';
import { MODEL_DEFS, modelField } from './model-schema.ts';
import { provisionRuleFields } from './provision-rules.ts';
import { ON_EXISTING, thingFields, thingProvisionFields } from './thing-schema.ts';

export const STRATEGIES = ['disabled', 'allow-create-new-devices', 'check-pre-provisioned-devices'] as const;

export const SECRET_SCHEMA = secretRefSchema('unset, a secret is made on the first start');

const topic = (what: string, standard: string) =>
  optional(text(`${what} Absent: \`${standard}\`.`, { examples: ['meters/+/data'] }));
const rateText = (what: string) => optional(text(`${what}, as capacity:seconds[,…].`, { examples: ['100:1,2000:60'] }));
const userSchema = (what: string) =>
  optional(json<Readonly<Record<string, unknown>>>(`JSON Schema (2020-12) that ${what}.`, { type: 'object' }));

export const provisionFields = {
  strategy: oneOf('What a request with the right key and secret may do.', STRATEGIES),
  key: optional(text('The key that devices send. Unique over all profiles.', { minLength: 1 })),
  secret: optional(json<SecretRef>(String(SECRET_SCHEMA.description), SECRET_SCHEMA)),
  quota: optional(integer('Most devices that this profile may hold.', { minimum: 0 })),
  rate: rateText('Rate of accepted requests, at each broker'),
  onExisting: optional(
    oneOf(
      'What happens when a device asks that exists, and shows that it is the same. Absent: native reject, EnOS once, Alibaba rotate-until-active.',
      ON_EXISTING,
    ),
  ),
  dynamic: flag("Whether devices of another dialect are activated or registered with the product's secret.", {
    default: false,
  }),
  ...thingProvisionFields,
  ...provisionRuleFields,
};

export const chainFields = {
  certificate: text('Certificate of the issuer, PEM in one text.', { minLength: 1 }),
  commonName: text("Regular expression on the common name of a device's certificate; group 1 is the device's name.", {
    minLength: 1,
    examples: ['^(.*)\\.meters$'],
  }),
  allowCreate: flag('Whether devices that are not known are created.', { default: false }),
};

export const topicFields = {
  telemetry: topic('Topic filter of telemetry; `+` and `#` are allowed.', 'v1/devices/me/telemetry'),
  attributes: topic('Topic filter of client attributes; `+` and `#` are allowed.', 'v1/devices/me/attributes'),
  attributesSubscribe: topic(
    'Filter that subscribes to shared attributes; the standard one works too.',
    'v1/devices/me/attributes',
  ),
};

const protoSchema = (what: string, standard: string) =>
  optional(
    text(`proto3 schema of ${what}; its last message counts. Absent: ${standard}.`, {
      examples: ['syntax = "proto3"; message Telemetry { double power = 1; }'],
    }),
  );

export const payloadFields = {
  type: oneOf('How devices write their payloads.', ['json', 'protobuf'], { default: 'json' }),
  telemetry: protoSchema('telemetry', 'none can be sent in protobuf'),
  attributes: protoSchema('client attributes', 'none can be sent in protobuf'),
  rpcRequest: protoSchema('a call to the device', 'method, requestId and params as texts and number'),
  rpcResponse: protoSchema("the device's answer to a call", 'one text, payload'),
  compatibleWithJson: flag('Whether what is no protobuf is read as JSON.', { default: false }),
  jsonOnDefaultDownlinkTopics: flag('Whether the v1 topics go down in JSON; needs compatibleWithJson.', {
    default: false,
  }),
};

export const limitFields = {
  messages: rateText('Messages of one device other than telemetry and attributes'),
  telemetryMessages: rateText('Telemetry and attribute messages of one device'),
  telemetryDataPoints: rateText('Keys in telemetry and attributes of one device'),
  connectPer2Min: optional(
    integer(
      'Connects of one device within two minutes to one broker; the next one blocks it there. Absent: no limit; EnOS: 4.',
      {
        minimum: 1,
        maximum: 1000,
      },
    ),
  ),
  provisionPerMinutePerIp: optional(
    integer(
      'Requests to get in, with the right proof, that one address may make of one broker in a minute. Absent: no limit.',
      {
        minimum: 1,
        maximum: 100_000,
      },
    ),
  ),
  maxPayloadKb: optional(
    integer(
      'Largest payload of a device of another dialect, KiB; what is larger gets an answer that says so. Absent: 512. Beyond what a front reads (MQTT_MAX_PAYLOAD_BYTES, HTTP_MAX_PAYLOAD_BYTES; 64 KiB) nothing arrives: an MQTT connection ends.',
      {
        minimum: 1,
        maximum: 65_536,
      },
    ),
  ),
  blockSeconds: integer('How long a device is blocked that connects too often.', {
    minimum: 1,
    maximum: 86_400,
    default: 300,
  }),
};

const alarmRule = {
  type: 'object',
  additionalProperties: false,
  properties: {
    when: {
      description:
        'A condition in the format of json-rules-engine: {"all": […]}. Its facts are telemetry, attributes, customer and tenant; a path names the key.',
      type: 'object',
    },
    noData: {
      description: 'Instead: nothing has been heard of this key for so long.',
      type: 'object',
      additionalProperties: false,
      required: ['telemetry', 'for'],
      properties: {
        telemetry: { description: 'Key of telemetry.', type: 'string' },
        for: { description: 'A time: 45s, 10m, 12h, 7d.', type: 'string' },
      },
    },
    for: { description: 'True for longer than this time: 45s, 10m, 12h, 7d.', type: 'string' },
    times: { description: 'True this often in a row.', type: 'integer', minimum: 1 },
    schedule: {
      description: 'When the rule is in force, by the wall clock of a time zone. Without it: always.',
      type: 'object',
      additionalProperties: false,
      required: ['timezone'],
      properties: {
        timezone: { description: 'Such as Europe/Madrid.', type: 'string' },
        days: { type: 'array', items: { enum: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] } },
        from: { description: 'Such as 22:00.', type: 'string' },
        to: { description: 'Such as 06:00; before `from`: over midnight.', type: 'string' },
      },
    },
    details: { description: 'Kept with the alarm; ${key} is what the rule reads.', type: 'string' },
  },
};

const alarmSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['type', 'create'],
  properties: {
    type: { description: 'Type of the alarm; a device has one active alarm of a type.', type: 'string', minLength: 1 },
    create: {
      description: 'Rules by severity; the gravest that is true counts.',
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      properties: Object.fromEntries(ALARM_SEVERITIES.map((severity) => [severity, alarmRule])),
    },
    clear: { ...alarmRule, description: 'When the alarm is over.' },
    propagate: { description: 'Whether parents of the device shall see it.', type: 'boolean' },
    propagateToOwner: { description: "Whether the device's customer shall see it.", type: 'boolean' },
    propagateToTenant: { description: 'Whether the tenant shall see it.', type: 'boolean' },
    propagateRelationTypes: { type: 'array', items: { type: 'string' } },
  },
};

export const profileFields = {
  $schema: optional(text('The schema file, for editors.')),
  name: text('Name of the profile; also the type of its devices.', { minLength: 1 }),
  description: optional(text('For people.')),
  transport: optional(
    oneOf(
      'Where its devices are let in: `default` = over every front, `mqtt` and `coap` = there and over HTTP. `mqtt` switches custom topics on, and is chosen by itself when `topics` are given.',
      ['default', 'mqtt', 'coap'],
    ),
  ),
  provision: optional(json<Config<typeof provisionFields>>('How devices get in.', jsonSchemaOf(provisionFields))),
  certificateChain: optional(
    json<Config<typeof chainFields>>(
      'Devices get in by certificates issued under this one, over mutual TLS.',
      jsonSchemaOf(chainFields),
    ),
  ),
  topics: optional(
    json<Config<typeof topicFields>>('Own MQTT topics; each replaces the standard one.', jsonSchemaOf(topicFields)),
  ),
  payload: optional(
    json<Config<typeof payloadFields>>('JSON or protobuf, on MQTT. Absent: JSON.', jsonSchemaOf(payloadFields)),
  ),
  sendAckOnValidationException: flag(
    'Whether a payload that cannot be read is acknowledged all the same (MQTT 3.1.1).',
    {
      default: false,
    },
  ),
  typeCast: flag('Whether texts that look like numbers become numbers, as in ThingsBoard: `"0012"` becomes 12.', {
    default: false,
  }),
  telemetrySchema: userSchema('the values of each telemetry sample must fit'),
  attributesSchema: userSchema('client attributes must fit'),
  history: optional(
    text('How long telemetry history is kept: 90d, 12h, 30m, 45s. Absent: for ever.', {
      pattern: '^[1-9][0-9]{0,8}[smhd]$',
      examples: ['400d'],
    }),
  ),
  keepRetired: optional(
    text(
      'How long a retired device is kept with its history; then it is deleted, and its name stays barred. Absent: for ever.',
      { pattern: '^[1-9][0-9]{0,8}[smhd]$', examples: ['365d'] },
    ),
  ),
  limits: optional(json<Config<typeof limitFields>>('Rate limits of each device.', jsonSchemaOf(limitFields))),
  alarms: optional(
    json<unknown>('Alarm rules, which the node profile/alarm-rules evaluates.', {
      type: 'array',
      items: alarmSchema,
    }),
  ),
  calculatedFields: optional(
    json<unknown>("The same as calculated fields of the type ALARM, in ThingsBoard's form.", { type: 'array' }),
  ),
  ruleChain: optional(
    text('Rule chain where messages of these devices start, by name. Absent: the root chain.', { minLength: 1 }),
  ),
  ...thingFields,
  model: modelField,
  secretKeys: texts('Keys whose values are secrets: never stored, logged or traced.', { default: [] }),
};

export type NativeProfile = Config<typeof profileFields>;

/** JSON Schema of the native form: `device-profiles/profile.schema.json`. */
export function profileSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'gridmoor device profile',
    ...jsonSchemaOf(profileFields),
    $defs: MODEL_DEFS,
  };
}
