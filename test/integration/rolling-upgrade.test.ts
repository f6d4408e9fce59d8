import { expect, it } from 'vitest';
import type { Broker } from '../helpers/broker.ts';
import { startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
/** Entry file of an earlier build; without one both brokers are of this build. */
const OLD = process.env.CHAOS_OLD_MAIN;
/** Earlier builds may not know it. */
const NO_COAP = { COAP_BIND_PORT: undefined, COAP_ENABLED: 'false' };

const connect = (broker: Broker, userName: string) =>
  MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName });

/** Calls and attributes from one broker to a device at the other, and a login there that ends the one here. */
async function servesAcross(from: Broker, to: Broker, name: string): Promise<void> {
  const token = await newDevice(from, name);
  const id = await deviceId(to, name);
  await using first = await connect(from, token);
  expect(await first.publish(TELEMETRY, '{"t":1}')).toBe(0);
  await using client = await connect(to, token);
  expect(await first.ended()).toBe(0x8e);
  await client.subscribe('v1/devices/me/rpc/request/+', 'v1/devices/me/attributes');
  const body = { method: 'getState', params: {}, timeout: 8_000 };
  const call = api(from, `/api/rpc/twoway/${id}`, { method: 'POST', body });
  const [topic = ''] = (await client.message()).split(' ');
  await client.publish(topic.replace('request', 'response'), '{"state":"on"}');
  expect(await call).toEqual({ state: 'on' });
  await api(from, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { interval: 30 } });
  expect(await client.message()).toContain('{"interval":30}');
}

it('brokers of an earlier build and of this one serve each other’s devices', async () => {
  await using brokers = await startBrokers(0, { deadlineMs: 40_000, env: NO_COAP });
  const old = await brokers.start(OLD === undefined ? {} : { main: OLD });
  const current = await brokers.start();
  await servesAcross(old, current, 'from-old-to-new');
  await servesAcross(current, old, 'from-new-to-old');
});
