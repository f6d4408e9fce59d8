import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, provision } from '../helpers/system.ts';
import { type Folder, withProfiles } from './folders.ts';
import { startIotGateway, startMosquitto } from './iot-gateway.ts';

/** ThingsBoard's IoT gateway, unmodified: its MQTT connector on a mosquitto of the plant, its ThingsBoard side on our broker. */
describe.skipIf(process.env.GRIDMOOR_SKIP_IOT_GATEWAY)('ThingsBoard IoT gateway', () => {
  const ends: AsyncDisposable[] = [];
  let profiles: Folder;
  let broker: Broker;
  let plant: MqttClient;

  beforeAll(async () => {
    profiles = await withProfiles();
    broker = await startBroker({ profilesDir: profiles.folder });
    ends.unshift(broker);
    const token = 'token-of-the-iot-gateway-0123456789';
    await provision(broker, { deviceName: 'iot-gateway', token, gateway: true });
    const mosquitto = await startMosquitto();
    ends.unshift(mosquitto.program);
    ends.unshift(await startIotGateway(mosquitto.port, broker.ports.mqtt, token));
    plant = await MqttClient.connect({ port: mosquitto.port, clientId: 'plant' });
    ends.unshift(plant);
  });
  afterAll(async () => {
    for (const end of ends) await end[Symbol.asyncDispose]();
    await profiles.remove();
  });

  const series = (name: string) => latest(broker, name).catch((error: Error) => error.message);
  /** Until the gateway has passed it on. */
  const arrived = async (name: string, values: Readonly<Record<string, string>>) =>
    expect.poll(() => series(name), { timeout: 20_000, interval: 50 }).toEqual(values);

  it('a reading of the plant makes the sub-device, with its telemetry and attributes', async () => {
    await plant.publish('sensor/meter-1/data', '{"temp":21.5,"model":"T1"}');
    await arrived('meter-1', { temperature: '21.5' });
    await expect.poll(() => attributes(broker, 'meter-1', 'CLIENT_SCOPE')).toMatchObject({ model: 'T1' });
    const device = await api<{ type: string }>(broker, `/api/device/${await deviceId(broker, 'meter-1')}`);
    expect(device.type).toBe('sensor');
  });

  it('many readings of many sub-devices arrive', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `many-${index}`);
    for (let round = 1; round <= 10; round++) {
      for (const name of names) await plant.publish(`sensor/${name}/data`, `{"temp":${round}.25}`);
    }
    for (const name of names) await arrived(name, { temperature: '10.25' });
  });

  it('a shared attribute reaches the plant', async () => {
    await plant.subscribe('sensor/meter-1/period');
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'meter-1')}/SHARED_SCOPE`;
    await api(broker, path, { method: 'POST', body: { period: 30 } });
    expect(await plant.message(10_000)).toBe('sensor/meter-1/period 30');
  });

  it('a call reaches the plant, and its answer the caller', async () => {
    await plant.subscribe('sensor/meter-1/request/#');
    const answer = api(broker, `/api/rpc/twoway/${await deviceId(broker, 'meter-1')}`, {
      method: 'POST',
      body: { method: 'getRelay', params: 'K1', timeout: 10_000 },
    });
    const [topic = '', ...payload] = (await plant.message(10_000)).split(' ');
    expect(payload.join(' ')).toContain('K1');
    await plant.publish(topic.replace('/request/', '/response/'), '{"on":true}');
    expect(await answer).toMatchObject({ on: true });
  });

  it('what the plant sends while the broker is away arrives when it is back', async () => {
    const restarted = broker.restart();
    await plant.publish('sensor/meter-1/data', '{"temp":7.5}');
    await restarted;
    await arrived('meter-1', { temperature: '7.5' });
  });
});
