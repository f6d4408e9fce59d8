import type { Broker } from '../../helpers/broker.ts';
import type { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';

/** Numbers beyond a double's are written as they are. */
const text = (body: unknown): string =>
  JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? `\u0000${value}\u0000` : value)).replaceAll(
    /"\\u0000(\d+)\\u0000"/g,
    '$1',
  );

/** Publishes with QoS 1 and gives the next message as `topic payload`. */
export async function publishAndRead(client: MqttClient, topic: string, body: unknown): Promise<string> {
  await client.publish(topic, typeof body === 'string' || Buffer.isBuffer(body) ? body : text(body));
  return client.message();
}

type Series = Record<string, { ts: number; value: unknown }[]>;
const path = (id: string): string => `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?useStrictDataTypes=true`;

/** Latest values as `[ts, value]` by key. */
export async function latest(broker: Broker, id: string): Promise<Record<string, unknown>> {
  const series = await api<Series>(broker, path(id));
  return Object.fromEntries(Object.entries(series).map(([key, [first]]) => [key, [first?.ts, first?.value]]));
}

export async function history(broker: Broker, id: string, key: string, from: number, to: number): Promise<unknown> {
  const series = await api<Series>(broker, `${path(id)}&keys=${key}&startTs=${from}&endTs=${to}`);
  return series[key]?.map(({ ts, value }) => [ts, value]);
}

/** Attributes of a scope as an object. */
export async function attributes(broker: Broker, id: string, scope: 'CLIENT' | 'SHARED'): Promise<unknown> {
  const at = `/api/plugins/telemetry/DEVICE/${id}/values/attributes/${scope}_SCOPE`;
  const found = await api<{ key: string; value: unknown }[]>(broker, at);
  return Object.fromEntries(found.map(({ key, value }) => [key, value]).sort());
}

export interface Call {
  readonly method: string;
  readonly params: unknown;
  readonly timeout?: number;
  readonly oneway?: boolean;
}

/** A call of the server to a device; status and body as they come. */
export async function rpc(broker: Broker, id: string, call: Call): Promise<{ status: number; body: unknown }> {
  const { oneway = false, ...body } = call;
  const response = await fetch(`${broker.url}/api/rpc/${oneway ? 'oneway' : 'twoway'}/${id}`, {
    method: 'POST',
    headers: { 'X-Authorization': `ApiKey ${broker.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}
