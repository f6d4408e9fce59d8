import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { eventChain, eventsOf, eventTypes } from '../../helpers/event-chain.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, newDevice } from '../../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const WAIT = { timeout: 15_000, interval: 50 };

describe('thingsboard-device-api 12: connectivity state', () => {
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;
  const open = (userName: string, version: 4 | 5 = 4) =>
    MqttClient.connect({ port: broker.ports.mqtt, userName, version });
  const state = (name: string) => attributes(broker, name, 'SERVER_SCOPE');
  const setTimeoutOf = async (name: string, inactivityTimeout: number) => {
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SERVER_SCOPE`;
    await api(broker, path, { method: 'POST', body: { inactivityTimeout } });
  };
  const until = (name: string, ...types: string[]) => expect.poll(() => eventTypes(broker, name), WAIT).toEqual(types);

  beforeAll(async () => {
    chain = await eventChain();
    const env = { GRIDMOOR_STATE_CHECK_INTERVAL_MS: '100', GRIDMOOR_ACTIVITY_REPORT_MS: '100' };
    broker = await startBroker({ chainsDir: chain.chainsDir, env });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  it('73: a connect gives CONNECT_EVENT and lastConnectTime; the first activity active=true and ACTIVITY_EVENT', async () => {
    const token = await newDevice(broker, 's73');
    expect(await state('s73')).toMatchObject({ active: false });
    const before = Date.now();
    await using _client = await open(token);
    await until('s73', 'CONNECT_EVENT', 'ACTIVITY_EVENT');
    const stored = await state('s73');
    expect(stored).toMatchObject({ active: true });
    expect(Number(stored.lastConnectTime)).toBeGreaterThanOrEqual(before);
    expect(Number(stored.lastActivityTime)).toBeGreaterThanOrEqual(before);
    const [connected, active] = await eventsOf(broker, 's73');
    expect(Object.keys(connected?.data ?? {}).sort()).toEqual([
      'inactivityTimeout',
      'lastActivityTime',
      'lastConnectTime',
      'lastDisconnectTime',
      'lastInactivityAlarmTime',
    ]);
    expect(active?.data).toMatchObject({ active: true, inactivityTimeout: 600_000 });
    expect(active?.metadata).toMatchObject({
      deviceName: 's73',
      deviceLabel: '',
      deviceType: 'smart-meter',
      scope: 'SERVER_SCOPE',
    });
  });

  it('74: a disconnect gives DISCONNECT_EVENT at once, active stays true until the timeout, then INACTIVITY_EVENT once', async () => {
    const token = await newDevice(broker, 's74');
    await setTimeoutOf('s74', 3_000);
    const client = await open(token);
    await client.publish(TELEMETRY, '{"t":1}');
    await client[Symbol.asyncDispose]();
    await until('s74', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'DISCONNECT_EVENT');
    expect(await state('s74')).toMatchObject({ active: true });
    expect(Number((await state('s74')).lastDisconnectTime)).toBeGreaterThan(0);
    await until('s74', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'DISCONNECT_EVENT', 'INACTIVITY_EVENT');
    const stored = await state('s74');
    expect(stored).toMatchObject({ active: false });
    expect(Number(stored.inactivityAlarmTime)).toBeGreaterThanOrEqual(Number(stored.lastActivityTime) + 3_000);
    // Several checks later it is still once.
    await newDevice(broker, 's74-later');
    await setTimeoutOf('s74-later', 500);
    await using _later = await open(`token-of-s74-later-0123456789`);
    await until('s74-later', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT');
    expect(await eventTypes(broker, 's74')).toHaveLength(4);
  });

  it('75: with the server attribute inactivityTimeout a silent connected device is inactive after that time, and PINGREQ is activity', async () => {
    const token = await newDevice(broker, 's75');
    await using client = await open(token);
    await until('s75', 'CONNECT_EVENT', 'ACTIVITY_EVENT');
    await setTimeoutOf('s75', 1_000);
    await until('s75', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT');
    await client.alive();
    await until('s75', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT', 'ACTIVITY_EVENT');
    expect((await eventsOf(broker, 's75'))[2]?.data).toMatchObject({ active: false, inactivityTimeout: 1_000 });
  });

  it.each([4, 5] as const)(
    '8: a take-over gives CONNECT_EVENT again and no DISCONNECT_EVENT (version %i)',
    async (version) => {
      const name = `take-${version}`;
      const token = await newDevice(broker, name);
      await using first = await open(token, version);
      await until(name, 'CONNECT_EVENT', 'ACTIVITY_EVENT');
      const second = await open(token, version);
      await first.ended();
      await second.alive();
      await until(name, 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'CONNECT_EVENT');
      await second[Symbol.asyncDispose]();
      await until(name, 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'CONNECT_EVENT', 'DISCONNECT_EVENT');
    },
  );

  it('8: changed credentials end the session with DISCONNECT_EVENT; HTTP is activity without connect and disconnect', async () => {
    const token = await newDevice(broker, 'rotated');
    await using client = await open(token);
    await until('rotated', 'CONNECT_EVENT', 'ACTIVITY_EVENT');
    await api(broker, '/api/gridmoor/devices/rotated/rotate', { method: 'POST', body: {} });
    await client.ended();
    await until('rotated', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'DISCONNECT_EVENT');
    const http = await newDevice(broker, 'over-http');
    await fetch(`${broker.url}/api/v1/${http}/telemetry`, { method: 'POST', body: '{"t":1}' });
    await until('over-http', 'ACTIVITY_EVENT');
  });

  it('8: after kill -9 of the broker a device that does not come back is told of once; one that does is not', async () => {
    const gone = await newDevice(broker, 'gone');
    const back = await newDevice(broker, 'back');
    await setTimeoutOf('gone', 2_000);
    await using _a = await open(gone);
    await using _b = await open(back);
    await until('gone', 'CONNECT_EVENT', 'ACTIVITY_EVENT');
    await until('back', 'CONNECT_EVENT', 'ACTIVITY_EVENT');
    await broker.restart('SIGKILL');
    await using client = await open(back);
    await until('gone', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT');
    await until('back', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'CONNECT_EVENT');
    await broker.restart('SIGKILL');
    await using again = await open(back);
    await again.alive();
    await until('back', 'CONNECT_EVENT', 'ACTIVITY_EVENT', 'CONNECT_EVENT', 'CONNECT_EVENT');
    expect(await eventTypes(broker, 'gone')).toHaveLength(3);
    await client[Symbol.asyncDispose]();
  });
});
