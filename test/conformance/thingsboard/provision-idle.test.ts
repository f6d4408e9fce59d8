import { describe, expect, it } from 'vitest';
import { startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { requestOf } from '../../helpers/system.ts';

describe('thingsboard-device-api 12: provisioning, the end', () => {
  it('39: an idle provision session is closed 60 s after its answer; its device stays', {
    timeout: 90_000,
  }, async () => {
    await using broker = await startBroker();
    await using session = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'provision', keepalive: 600 });
    await session.publish('/provision/request', requestOf(broker, { deviceName: 'c39', token: 'token-of-c39-012345' }));
    const answer = await session.message();
    expect(answer).toContain('"SUCCESS"');
    const since = performance.now();
    await session.ended(70_000);
    const seconds = (performance.now() - since) / 1000;
    expect(seconds).toBeGreaterThan(58);
    expect(seconds).toBeLessThan(65);
    await using device = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'token-of-c39-012345' });
    await device.alive();
  });
});
