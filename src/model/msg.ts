import type { DeviceId } from './ids.ts';
import { ExactNumber, type JsonValue } from './json.ts';
import type { Secret } from './secret.ts';

/** Whose event a message is: a device's, until a node changes the originator. */
export type Originator = DeviceOriginator | EntityOriginator;

export interface DeviceOriginator {
  readonly entityType: 'DEVICE';
  readonly id: DeviceId;
  readonly name: string;
  readonly profile: string;
}

export interface EntityOriginator {
  readonly entityType: 'ASSET' | 'CUSTOMER' | 'TENANT';
  readonly id: string;
  /** An asset's name, a customer's title. */
  readonly name: string;
  /** An asset's type; empty for customers and the tenant. */
  readonly profile: string;
}

/** A body as devices send it: flat keys; values of secret keys are `Secret`, everything else is JSON with exact numbers. */
export type MsgData = Readonly<Record<string, JsonValue | Secret>>;

/** Any body: a transform may make an array or a scalar of it. Secrets stand only as members of an object at the top. */
export type MsgBody = MsgData | JsonValue;

/** True for a body that has members. */
export function isMsgData(body: MsgBody): body is MsgData {
  return body !== null && typeof body === 'object' && !Array.isArray(body) && !(body instanceof ExactNumber);
}

/** A node that called the chain that a message is in; `up`: the one that called that node's chain. */
export interface CallFrame {
  readonly chain: string;
  readonly node: string;
  readonly up?: CallFrame;
}

/**
 * What runs through a rule chain. Immutable: nodes make copies with `withMsg`.
 * `type` is ThingsBoard's name (thingsboard-rule-chains 3.2) or any custom text.
 */
export interface Msg {
  readonly id: string;
  readonly ts: number;
  readonly type: string;
  readonly originator: Originator;
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: MsgBody;
  /** JSON text of `data` exactly as received; dropped as soon as `data` is changed or holds a secret. */
  readonly text?: string;
  /** The engine's own: the calls it has to come back from. Absent in the root chain. */
  readonly calls?: CallFrame;
  /** The engine's own: visits of the nodes that allow only so many, by `<chain>/<node>`. */
  readonly visits?: Readonly<Record<string, number>>;
  /** The engine's own: how many events led to this message, each raised by the chains on the way of the one before. */
  readonly hops?: number;
}

/** A copy with some members replaced; a new `data` drops the received text. */
export function withMsg(msg: Msg, change: { data?: MsgBody; metadata?: Msg['metadata']; type?: string }): Msg {
  const { text, ...rest } = msg;
  const keepText = change.data === undefined && text !== undefined;
  return { ...rest, ...change, ...(keepText ? { text } : {}) };
}

/** Labels of the message type switch (thingsboard-rule-chains 3.2); every other type goes to `Other`. */
export const MSG_TYPE_LABELS = {
  POST_ATTRIBUTES_REQUEST: 'Post attributes',
  POST_TELEMETRY_REQUEST: 'Post telemetry',
  TO_SERVER_RPC_REQUEST: 'RPC Request from Device',
  RPC_CALL_FROM_SERVER_TO_DEVICE: 'RPC Request to Device',
  RPC_QUEUED: 'RPC Queued',
  RPC_SENT: 'RPC Sent',
  RPC_DELIVERED: 'RPC Delivered',
  RPC_SUCCESSFUL: 'RPC Successful',
  RPC_TIMEOUT: 'RPC Timeout',
  RPC_EXPIRED: 'RPC Expired',
  RPC_FAILED: 'RPC Failed',
  RPC_DELETED: 'RPC Deleted',
  ACTIVITY_EVENT: 'Activity Event',
  INACTIVITY_EVENT: 'Inactivity Event',
  CONNECT_EVENT: 'Connect Event',
  DISCONNECT_EVENT: 'Disconnect Event',
  ENTITY_CREATED: 'Entity Created',
  ENTITY_UPDATED: 'Entity Updated',
  ENTITY_DELETED: 'Entity Deleted',
  ATTRIBUTES_UPDATED: 'Attributes Updated',
  ATTRIBUTES_DELETED: 'Attributes Deleted',
  TIMESERIES_UPDATED: 'Timeseries Updated',
  TIMESERIES_DELETED: 'Timeseries Deleted',
  ALARM: 'Alarm',
  ALARM_CREATED: 'Alarm Created',
  ALARM_UPDATED: 'Alarm Updated',
  ALARM_SEVERITY_UPDATED: 'Alarm Severity Updated',
  ALARM_ACK: 'Alarm Acknowledged',
  ALARM_CLEAR: 'Alarm Cleared',
  ALARM_ASSIGNED: 'Alarm Assigned',
  ALARM_UNASSIGNED: 'Alarm Unassigned',
  REST_API_REQUEST: 'REST API request',
} as const;
