import type { ProtoEnum, ProtoField, ProtoMessage, ProtoType } from '../model/proto-message.ts';

/**
 * The fixed messages of ThingsBoard's device API in protobuf, by the field numbers of its transport.proto and
 * queue.proto. Fields that no device meets are left out.
 */
export const field = (number: number, name: string, type: ProtoType, repeated = false): ProtoField => ({
  number,
  name,
  jsonName: name,
  type,
  repeated,
  presence: !repeated && typeof type === 'object' && type.kind === 'message',
});

export const message = (name: string, ...fields: readonly ProtoField[]): ProtoMessage => ({
  kind: 'message',
  name,
  fields: new Map(fields.map((one) => [one.number, one])),
});

const words = (name: string, ...names: readonly string[]): ProtoEnum => ({
  kind: 'enum',
  name,
  names: new Map(names.map((one, number) => [number, one])),
  numbers: new Map(names.map((one, number) => [one, number])),
});

export const CLAIM_DEVICE = message('ClaimDevice', field(1, 'secretKey', 'string'), field(2, 'durationMs', 'int64'));

export const ATTRIBUTES_REQUEST = message(
  'AttributesRequest',
  field(1, 'clientKeys', 'string'),
  field(2, 'sharedKeys', 'string'),
);

/** `params` is JSON text. */
export const RPC_REQUEST = message('RpcRequest', field(1, 'method', 'string'), field(2, 'params', 'string'));

export const KEY_VALUE = message(
  'KeyValueProto',
  field(1, 'key', 'string'),
  field(2, 'type', words('KeyValueType', 'BOOLEAN_V', 'LONG_V', 'DOUBLE_V', 'STRING_V', 'JSON_V')),
  field(3, 'bool_v', 'bool'),
  field(4, 'long_v', 'int64'),
  field(5, 'double_v', 'double'),
  field(6, 'string_v', 'string'),
  field(7, 'json_v', 'string'),
);

const TS_KEY_VALUE = message('TsKvProto', field(1, 'ts', 'int64'), field(2, 'kv', KEY_VALUE));

export const ATTRIBUTES_RESPONSE = message(
  'GetAttributeResponseMsg',
  field(1, 'requestId', 'int32'),
  field(2, 'clientAttributeList', TS_KEY_VALUE, true),
  field(3, 'sharedAttributeList', TS_KEY_VALUE, true),
  field(4, 'isMultipleAttributesRequest', 'bool'),
);

export const ATTRIBUTES_UPDATE = message(
  'AttributeUpdateNotificationMsg',
  field(1, 'sharedUpdated', TS_KEY_VALUE, true),
  field(2, 'sharedDeleted', 'string', true),
);

/** `payload` is JSON text. */
export const RPC_ANSWER = message(
  'ToServerRpcResponseMsg',
  field(1, 'requestId', 'int32'),
  field(2, 'payload', 'string'),
  field(3, 'error', 'string'),
);

const CREDENTIALS_TYPE = words(
  'CredentialsType',
  'ACCESS_TOKEN',
  'X509_CERTIFICATE',
  'MQTT_BASIC',
  'LWM2M_CREDENTIALS',
);

const CREDENTIALS_DATA = message(
  'CredentialsDataProto',
  field(1, 'validateDeviceTokenRequestMsg', message('ValidateDeviceTokenRequestMsg', field(1, 'token', 'string'))),
  field(2, 'validateDeviceX509CertRequestMsg', message('ValidateDeviceX509CertRequestMsg', field(1, 'hash', 'string'))),
  field(
    3,
    'validateBasicMqttCredRequestMsg',
    message(
      'ValidateBasicMqttCredRequestMsg',
      field(1, 'clientId', 'string'),
      field(2, 'userName', 'string'),
      field(3, 'password', 'string'),
    ),
  ),
);

export const PROVISION_REQUEST = message(
  'ProvisionDeviceRequestMsg',
  field(1, 'deviceName', 'string'),
  field(2, 'credentialsType', CREDENTIALS_TYPE),
  field(
    3,
    'provisionDeviceCredentialsMsg',
    message(
      'ProvisionDeviceCredentialsMsg',
      field(1, 'provisionDeviceKey', 'string'),
      field(2, 'provisionDeviceSecret', 'string'),
    ),
  ),
  field(4, 'credentialsDataProto', CREDENTIALS_DATA),
  field(5, 'gateway', 'bool'),
);

export const PROVISION_RESPONSE = message(
  'ProvisionDeviceResponseMsg',
  field(1, 'status', words('ResponseStatus', 'UNKNOWN', 'SUCCESS', 'NOT_FOUND', 'FAILURE')),
  field(2, 'credentialsType', CREDENTIALS_TYPE),
  field(3, 'credentialsValue', 'string'),
);
