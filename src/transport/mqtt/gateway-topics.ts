/** Everything below belongs to the gateway API, known or not (thingsboard-device-api 4). */
export const GATEWAY_PREFIX = 'v1/gateway';

export const GATEWAY_CONNECT = 'v1/gateway/connect';
/** Up: a sub-device leaves. Down: one was refused, with the reason. Nobody can subscribe to it. */
export const GATEWAY_DISCONNECT = 'v1/gateway/disconnect';
export const GATEWAY_TELEMETRY = 'v1/gateway/telemetry';
/** Up: client attributes. Down: shared attributes of a sub-device. */
export const GATEWAY_ATTRIBUTES = 'v1/gateway/attributes';
export const GATEWAY_ATTRIBUTES_REQUEST = 'v1/gateway/attributes/request';
export const GATEWAY_ATTRIBUTES_RESPONSE = 'v1/gateway/attributes/response';
export const GATEWAY_RPC = 'v1/gateway/rpc';
export const GATEWAY_CLAIM = 'v1/gateway/claim';

/** The filters a gateway may have; they only say with which QoS it is pushed to (3.1). */
export const GATEWAY_FILTERS: ReadonlySet<string> = new Set([
  GATEWAY_ATTRIBUTES,
  GATEWAY_ATTRIBUTES_RESPONSE,
  GATEWAY_RPC,
]);
