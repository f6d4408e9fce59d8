import type { JsonValue } from '../model/json.ts';
import { type FormReader, readCalculatedFields, readThingsBoardAlarms } from '../rules/alarms/index.ts';
import type { SecretRef } from '../schema/secret-ref.ts';
import { compileSchema } from '../schema/validate.ts';
import { readAlarms } from './alarms.ts';
import type { CertificateChainSpec } from './certificate-chain.ts';
import type { Parsed, Places, Report } from './profile-draft.ts';
import { SECRET_SCHEMA } from './profile-schema.ts';
import type { ProtobufDraft } from './protobuf.ts';

const PROVISION_TYPES = {
  DISABLED: 'disabled',
  ALLOW_CREATE_NEW_DEVICES: 'allow-create-new-devices',
  CHECK_PRE_PROVISIONED_DEVICES: 'check-pre-provisioned-devices',
} as const;
type ProvisionType = keyof typeof PROVISION_TYPES | 'X509_CERTIFICATE_CHAIN';

interface PayloadConfiguration {
  readonly transportPayloadType?: string;
  readonly deviceTelemetryProtoSchema?: string | null;
  readonly deviceAttributesProtoSchema?: string | null;
  readonly deviceRpcRequestProtoSchema?: string | null;
  readonly deviceRpcResponseProtoSchema?: string | null;
  readonly enableCompatibilityWithJsonPayloadFormat?: boolean;
  readonly useJsonPayloadFormatForDefaultDownlinkTopics?: boolean;
}

interface ThingsBoardFile {
  readonly name: string;
  readonly description?: string | null;
  readonly transportType?: 'DEFAULT' | 'MQTT' | 'COAP' | 'LWM2M' | 'SNMP';
  readonly provisionType?: ProvisionType;
  readonly provisionDeviceKey?: string | null;
  readonly defaultRuleChainId?: string | { readonly id?: string } | null;
  readonly defaultQueueName?: string | null;
  readonly firmwareId?: object | null;
  readonly softwareId?: object | null;
  readonly profileData: {
    readonly transportConfiguration?: {
      readonly type?: string;
      readonly deviceTelemetryTopic?: string | null;
      readonly deviceAttributesTopic?: string | null;
      readonly deviceAttributesSubscribeTopic?: string | null;
      readonly transportPayloadTypeConfiguration?: PayloadConfiguration | null;
      readonly coapDeviceTypeConfiguration?: {
        readonly coapDeviceType?: string;
        readonly transportPayloadTypeConfiguration?: PayloadConfiguration | null;
      } | null;
      readonly sparkplug?: boolean;
      readonly sendAckOnValidationException?: boolean;
    } | null;
    readonly provisionConfiguration?: {
      readonly type?: ProvisionType;
      readonly provisionDeviceSecret?: SecretRef | null;
      readonly certificateRegExPattern?: string | null;
      readonly allowCreateNewDevicesByX509Certificate?: boolean | null;
    } | null;
    readonly alarms?: readonly unknown[] | null;
  };
}

const nullable = (type: string): Record<string, unknown> => ({ type: [type, 'null'] });
const provisionType = { enum: [...Object.keys(PROVISION_TYPES), 'X509_CERTIFICATE_CHAIN'] };

const PAYLOAD_SCHEMA = {
  type: ['object', 'null'],
  properties: {
    transportPayloadType: { type: 'string' },
    deviceTelemetryProtoSchema: nullable('string'),
    deviceAttributesProtoSchema: nullable('string'),
    deviceRpcRequestProtoSchema: nullable('string'),
    deviceRpcResponseProtoSchema: nullable('string'),
    enableCompatibilityWithJsonPayloadFormat: { type: 'boolean' },
    useJsonPayloadFormatForDefaultDownlinkTopics: { type: 'boolean' },
  },
};

/** What we read of an export (thingsboard-rule-chains 6.1, 6.2). Other fields differ from version to version: let be. */
const checkExport = compileSchema<ThingsBoardFile>({
  type: 'object',
  required: ['name', 'profileData'],
  properties: {
    name: { type: 'string', minLength: 1 },
    description: nullable('string'),
    transportType: { enum: ['DEFAULT', 'MQTT', 'COAP', 'LWM2M', 'SNMP'] },
    provisionType,
    provisionDeviceKey: nullable('string'),
    defaultRuleChainId: { type: ['object', 'string', 'null'], properties: { id: { type: 'string' } } },
    defaultQueueName: nullable('string'),
    profileData: {
      type: 'object',
      properties: {
        transportConfiguration: {
          type: ['object', 'null'],
          properties: {
            type: { type: 'string' },
            deviceTelemetryTopic: nullable('string'),
            deviceAttributesTopic: nullable('string'),
            deviceAttributesSubscribeTopic: nullable('string'),
            transportPayloadTypeConfiguration: PAYLOAD_SCHEMA,
            coapDeviceTypeConfiguration: {
              type: ['object', 'null'],
              properties: {
                coapDeviceType: { type: 'string' },
                transportPayloadTypeConfiguration: PAYLOAD_SCHEMA,
              },
            },
            sparkplug: { type: 'boolean' },
            sendAckOnValidationException: { type: 'boolean' },
          },
        },
        provisionConfiguration: {
          type: ['object', 'null'],
          properties: {
            type: provisionType,
            provisionDeviceSecret: { anyOf: [{ type: 'null' }, { const: '' }, SECRET_SCHEMA] },
          },
        },
        alarms: { type: ['array', 'null'] },
      },
    },
  },
});

const TRANSPORT = '/profileData/transportConfiguration';
const COAP_TYPE = `${TRANSPORT}/coapDeviceTypeConfiguration`;
const PAYLOAD = 'transportPayloadTypeConfiguration';
const PROVISION = '/profileData/provisionConfiguration';

/** Whether a file has the shape of an export, bare or wrapped in `entity` as in version control. */
export function looksLikeThingsBoard(value: unknown): value is object {
  const body = unwrap(value);
  return isObject(body) && ['profileData', 'transportType', 'provisionType'].some((key) => Object.hasOwn(body, key));
}

/** Reads an export; what gridmoor cannot do is an error where devices would notice, else a warning. */
export function parseThingsBoard(value: object, report: Report): Parsed | undefined {
  const prefix = unwrap(value) === value ? '' : '/entity';
  const add: Report = (finding) => report({ ...finding, at: prefix + finding.at });
  const checked = checkExport(unwrap(value));
  if (!checked.ok) {
    for (const { at, rule, problem, hint } of checked.violations) {
      if (at.includes('Secret')) add({ at, rule: 'wrong-secret', level: 'error', problem: SECRET_FORM });
      else add({ at, rule, level: 'error', problem, ...(hint ? { hint } : {}) });
    }
    return undefined;
  }
  const file = checked.value;
  if (reportUnsupported(file, add)) return undefined;
  const transport = file.profileData.transportConfiguration ?? {};
  const provision = file.profileData.provisionConfiguration ?? {};
  const type = file.provisionType ?? provision.type ?? 'DISABLED';
  const transportType = file.transportType ?? transport.type;
  const mqtt = transportType === 'MQTT';
  const topic = (text: string | null | undefined) => (mqtt && text?.trim() ? text.trim() : undefined);
  return {
    places: placesUnder(prefix, payloadOf(file).at),
    draft: {
      name: file.name,
      description: file.description ?? undefined,
      transport: mqtt ? 'mqtt' : transportType === 'COAP' ? 'coap' : 'default',
      strategy: type === 'X509_CERTIFICATE_CHAIN' ? 'disabled' : PROVISION_TYPES[type],
      key: isChain(type) ? undefined : file.provisionDeviceKey || undefined,
      secret: isChain(type) ? undefined : provision.provisionDeviceSecret || undefined,
      onExisting: undefined,
      rules: {},
      thing: undefined,
      listeners: { requireTls: false, allowPlaintextProvisioning: false },
      connects: undefined,
      x509: undefined,
      certificateChain: isChain(type) ? chainOf(provision) : undefined,
      quota: undefined,
      rate: undefined,
      telemetryTopic: topic(transport.deviceTelemetryTopic),
      attributesTopic: topic(transport.deviceAttributesTopic),
      attributesSubscribeTopic: topic(transport.deviceAttributesSubscribeTopic),
      sendAckOnValidationException: mqtt && transport.sendAckOnValidationException === true,
      protobuf: protobufOf(payloadOf(file), prefix),
      typeCast: false,
      telemetrySchema: undefined,
      attributesSchema: undefined,
      model: undefined,
      history: undefined,
      keepRetired: undefined,
      messages: undefined,
      telemetryMessages: undefined,
      telemetryDataPoints: undefined,
      ruleChain: chainIdOf(file.defaultRuleChainId),
      secretKeys: [],
      // Read from a JSON file, as an array of whatever.
      exportedAlarms: (file.profileData.alarms ?? []) as readonly JsonValue[],
      alarms: [
        ...readAlarms(
          [{ value: file.profileData.alarms, at: '/profileData/alarms', read: readThingsBoardAlarms }],
          add,
        ),
        ...readAlarms([{ value: fieldsOf(value), at: '/calculatedFields', read: alarmFields(report) }], report),
      ],
    },
  };
}

/** Version control keeps them beside the profile. */
const fieldsOf = (value: object): unknown => (value as { readonly calculatedFields?: unknown }).calculatedFields;

/** Calculated fields of other types compute values: they are passed over with a warning. */
const alarmFields = (report: Report) => (form: FormReader) =>
  readCalculatedFields(form, (type) => {
    if (type.value === 'ALARM' || typeof type.value !== 'string') return true;
    const problem = `calculated fields of the type ${type.value} are not computed`;
    report({ at: type.at, rule: 'not-supported', level: 'warning', problem });
    return false;
  });

type Provision = NonNullable<ThingsBoardFile['profileData']['provisionConfiguration']>;

const isChain = (type: ProvisionType): boolean => type === 'X509_CERTIFICATE_CHAIN';

/** ThingsBoard keeps the certificate where other strategies have their secret. */
function chainOf(provision: Provision): CertificateChainSpec {
  const {
    provisionDeviceSecret: certificate,
    certificateRegExPattern,
    allowCreateNewDevicesByX509Certificate,
  } = provision;
  return {
    certificate: typeof certificate === 'string' ? certificate : '',
    commonName: certificateRegExPattern ?? '',
    allowCreate: allowCreateNewDevicesByX509Certificate === true,
  };
}

const SECRET_FORM = 'must be a text, {"env": "NAME"}, {"file": "path"} or null';

/** True when an error was reported. */
function reportUnsupported(file: ThingsBoardFile, add: Report): boolean {
  let errors = 0;
  const refuse = (at: string, problem: string): void => {
    errors++;
    add({ at, rule: 'not-supported', level: 'error', problem });
  };
  const warn = (at: string, problem: string): void => add({ at, rule: 'not-supported', level: 'warning', problem });
  const transport = file.profileData.transportConfiguration ?? {};
  const provision = file.profileData.provisionConfiguration ?? {};
  const transportType = file.transportType ?? transport.type ?? 'DEFAULT';
  if (!['DEFAULT', 'MQTT', 'COAP'].includes(transportType)) {
    refuse('/transportType', `transport ${transportType} is not supported yet`);
  } else if (transport.type !== undefined && transport.type !== transportType) {
    refuse(`${TRANSPORT}/type`, `is ${transport.type}, but transportType is ${transportType}`);
  }
  const { at, configuration } = payloadOf(file);
  const payload = configuration.transportPayloadType ?? 'JSON';
  const payloadAt = `${at}/transportPayloadType`;
  if (!['JSON', 'PROTOBUF'].includes(payload)) refuse(payloadAt, `payload type ${payload} is not supported yet`);
  const coapType = transport.coapDeviceTypeConfiguration?.coapDeviceType ?? 'DEFAULT';
  if (transportType === 'COAP' && coapType !== 'DEFAULT') {
    refuse(`${COAP_TYPE}/coapDeviceType`, `CoAP devices of type ${coapType} are not supported yet`);
  }
  if (transport.sparkplug === true) refuse(`${TRANSPORT}/sparkplug`, 'Sparkplug is not supported yet');
  const type = file.provisionType ?? provision.type;
  if (provision.type !== undefined && provision.type !== type) {
    refuse(`${PROVISION}/type`, `is ${provision.type}, but provisionType is ${String(type)}`);
  }
  if (file.firmwareId) warn('/firmwareId', 'ignored: give the profile its firmware over the management API');
  if (file.softwareId) warn('/softwareId', 'ignored: give the profile its software over the management API');
  if (file.defaultQueueName) warn('/defaultQueueName', 'ignored: there are no named queues');
  return errors > 0;
}

function chainIdOf(id: ThingsBoardFile['defaultRuleChainId']): string | undefined {
  return (typeof id === 'string' ? id : id?.id) || undefined;
}

interface Payloads {
  readonly at: string;
  readonly configuration: PayloadConfiguration;
}

/** Where an export says what payloads are: with CoAP one level deeper. Of other transports nothing is read. */
function payloadOf({ transportType, profileData }: ThingsBoardFile): Payloads {
  const transport = profileData.transportConfiguration ?? {};
  const type = transportType ?? transport.type;
  if (type === 'COAP') {
    const configuration = transport.coapDeviceTypeConfiguration?.transportPayloadTypeConfiguration ?? {};
    return { at: `${COAP_TYPE}/${PAYLOAD}`, configuration };
  }
  const configuration = type === 'MQTT' ? transport.transportPayloadTypeConfiguration : undefined;
  return { at: `${TRANSPORT}/${PAYLOAD}`, configuration: configuration ?? {} };
}

function protobufOf({ at, configuration: payload }: Payloads, prefix: string): ProtobufDraft | undefined {
  if (payload.transportPayloadType !== 'PROTOBUF') return undefined;
  const schema = (what: 'Telemetry' | 'Attributes' | 'RpcRequest' | 'RpcResponse') => {
    const key = `device${what}ProtoSchema` as const;
    return { text: payload[key] ?? undefined, at: `${prefix}${at}/${key}` };
  };
  return {
    telemetry: schema('Telemetry'),
    attributes: schema('Attributes'),
    rpcRequest: schema('RpcRequest'),
    rpcResponse: schema('RpcResponse'),
    compatibleWithJson: payload.enableCompatibilityWithJsonPayloadFormat === true,
    jsonOnDefaultDownlinkTopics: payload.useJsonPayloadFormatForDefaultDownlinkTopics === true,
  };
}

function placesUnder(prefix: string, payloadAt: string): Places {
  const none = `${prefix}/profileData`;
  return {
    name: `${prefix}/name`,
    description: `${prefix}/description`,
    transport: `${prefix}/transportType`,
    strategy: `${prefix}/provisionType`,
    key: `${prefix}/provisionDeviceKey`,
    secret: `${prefix}${PROVISION}/provisionDeviceSecret`,
    certificateChain: `${prefix}${PROVISION}`,
    x509: none,
    telemetryTopic: `${prefix}${TRANSPORT}/deviceTelemetryTopic`,
    attributesTopic: `${prefix}${TRANSPORT}/deviceAttributesTopic`,
    attributesSubscribeTopic: `${prefix}${TRANSPORT}/deviceAttributesSubscribeTopic`,
    sendAckOnValidationException: `${prefix}${TRANSPORT}/sendAckOnValidationException`,
    protobuf: prefix + payloadAt,
    quota: none,
    rate: none,
    onExisting: none,
    rules: none,
    thing: none,
    listeners: none,
    connects: none,
    typeCast: none,
    telemetrySchema: none,
    attributesSchema: none,
    model: none,
    history: none,
    keepRetired: none,
    messages: none,
    telemetryMessages: none,
    telemetryDataPoints: none,
    ruleChain: `${prefix}/defaultRuleChainId`,
    secretKeys: none,
    alarms: `${prefix}/profileData/alarms`,
    exportedAlarms: `${prefix}/profileData/alarms`,
  };
}

function unwrap(value: unknown): unknown {
  return isObject(value) && isObject(value.entity) && !Object.hasOwn(value, 'name') ? value.entity : value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
