import {
  ATTRIBUTES_RESPONSE,
  ATTRIBUTES_UPDATE,
  CLAIM_DEVICE,
  field,
  KEY_VALUE,
  message,
} from './protobuf-messages.ts';

/** The messages of the gateway API in protobuf, by the field numbers of ThingsBoard's transport.proto and queue.proto. */
const NAME = field(1, 'deviceName', 'string');

export const CONNECT = message('ConnectMsg', NAME, field(2, 'deviceType', 'string'));
export const DISCONNECT = message('DisconnectMsg', NAME);

const SAMPLE = message('TsKvListProto', field(1, 'ts', 'int64'), field(2, 'kv', KEY_VALUE, true));
const TELEMETRY = message('PostTelemetryMsg', field(1, 'tsKvList', SAMPLE, true));
const DEVICE_TELEMETRY = message('TelemetryMsg', NAME, field(3, 'msg', TELEMETRY));
export const GATEWAY_TELEMETRY = message('GatewayTelemetryMsg', field(1, 'msg', DEVICE_TELEMETRY, true));

const ATTRIBUTES = message('PostAttributeMsg', field(1, 'kv', KEY_VALUE, true));
const DEVICE_ATTRIBUTES = message('AttributesMsg', NAME, field(2, 'msg', ATTRIBUTES));
export const GATEWAY_ATTRIBUTES = message('GatewayAttributesMsg', field(1, 'msg', DEVICE_ATTRIBUTES, true));

const DEVICE_CLAIM = message('ClaimDeviceMsg', NAME, field(2, 'claimRequest', CLAIM_DEVICE));
export const GATEWAY_CLAIM = message('GatewayClaimMsg', field(1, 'msg', DEVICE_CLAIM, true));

export const GATEWAY_ATTRIBUTES_REQUEST = message(
  'GatewayAttributesRequestMsg',
  field(1, 'id', 'int32'),
  field(2, 'deviceName', 'string'),
  field(3, 'client', 'bool'),
  field(4, 'keys', 'string', true),
);
export const GATEWAY_ATTRIBUTES_RESPONSE = message(
  'GatewayAttributeResponseMsg',
  NAME,
  field(2, 'responseMsg', ATTRIBUTES_RESPONSE),
);
export const GATEWAY_ATTRIBUTES_UPDATE = message(
  'GatewayAttributeUpdateNotificationMsg',
  NAME,
  field(2, 'notificationMsg', ATTRIBUTES_UPDATE),
);

/** `params` is JSON text. */
const CALL = message(
  'ToDeviceRpcRequestMsg',
  field(1, 'requestId', 'int32'),
  field(2, 'methodName', 'string'),
  field(3, 'params', 'string'),
);
export const GATEWAY_CALL = message('GatewayDeviceRpcRequestMsg', NAME, field(2, 'rpcRequestMsg', CALL));
export const GATEWAY_RPC_RESPONSE = message(
  'GatewayRpcResponseMsg',
  NAME,
  field(2, 'id', 'int32'),
  field(3, 'data', 'string'),
);

export const GATEWAY_DISCONNECT_DEVICE = message('GatewayDisconnectDeviceMsg', NAME, field(2, 'reasonCode', 'int32'));
