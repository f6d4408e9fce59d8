import type { Broker } from './broker.ts';
import { MqttClient } from './mqtt-client.ts';

export interface ProvisionBody {
  readonly deviceName?: string;
  readonly token?: string;
  readonly [field: string]: unknown;
}

export const PROFILE_KEY = 'smart-meter';

/** A provisioning request as a device publishes it, with the right key and secret unless the fields say otherwise. */
export function requestOf(broker: Broker, fields: ProvisionBody): string {
  return JSON.stringify({ provisionDeviceKey: PROFILE_KEY, provisionDeviceSecret: broker.provisionSecret, ...fields });
}

/** Provisions over MQTT on a connection of its own; gives the answer's JSON. */
export async function provision(broker: Broker, fields: ProvisionBody): Promise<Record<string, unknown>> {
  await using session = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'provision' });
  await session.publish('/provision/request', requestOf(broker, fields));
  const message = await session.message();
  return JSON.parse(message.slice('/provision/response '.length)) as Record<string, unknown>;
}

/** Provisions and gives the token. */
export async function newDevice(broker: Broker, name: string, token = `token-of-${name}-0123456789`): Promise<string> {
  const answer = await provision(broker, { deviceName: name, token });
  if (answer.status !== 'SUCCESS') throw new Error(`provisioning of ${name}: ${JSON.stringify(answer)}`);
  return token;
}

/** A call of the management API; throws when the status is not of the 200s. */
export async function api<T = Record<string, unknown>>(
  broker: Broker,
  path: string,
  init: { method?: string; body?: unknown } = {},
): Promise<T> {
  const response = await fetch(`${broker.url}${path}`, {
    method: init.method ?? 'GET',
    headers: {
      'X-Authorization': `ApiKey ${broker.adminKey}`,
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

export async function deviceId(broker: Broker, name: string): Promise<string> {
  const device = await api<{ id: { id: string } }>(
    broker,
    `/api/tenant/devices?deviceName=${encodeURIComponent(name)}`,
  );
  return device.id.id;
}

/** Latest values with their exact types, as text: `{"a":42}` becomes `{a: '42'}`. */
export async function latest(broker: Broker, name: string): Promise<Record<string, string>> {
  const id = await deviceId(broker, name);
  const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries`;
  const values = await api<Record<string, { ts: number; value: string }[]>>(broker, path);
  return Object.fromEntries(Object.entries(values).map(([key, points]) => [key, points[0]?.value ?? '']));
}

export async function attributes(broker: Broker, name: string, scope: string): Promise<Record<string, unknown>> {
  const id = await deviceId(broker, name);
  const path = `/api/plugins/telemetry/DEVICE/${id}/values/attributes/${scope}`;
  const values = await api<{ key: string; value: unknown }[]>(broker, path);
  return Object.fromEntries(values.map(({ key, value }) => [key, value]));
}
