import { expect, it } from 'vitest';
import { startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes } from '../../helpers/system.ts';

it('4.1: pings of a gateway with overwriteActivityTime are activity of its sub-devices, of another gateway not', async () => {
  await using broker = await startBroker({ env: { GRIDMOOR_ACTIVITY_REPORT_MS: '50' } });
  const connect = async (name: string, additionalInfo: object) => {
    const body = { name, type: 'smart-meter', additionalInfo };
    await api(broker, `/api/device?accessToken=token-${name}`, { method: 'POST', body });
    const client = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: `token-${name}` });
    expect(await client.publish('v1/gateway/connect', `{"device":"sub-of-${name}"}`)).toBe(0);
    return client;
  };
  const activityOf = async (name: string) =>
    Number((await attributes(broker, `sub-of-${name}`, 'SERVER_SCOPE')).lastActivityTime);
  await using marked = await connect('marked', { gateway: true, overwriteActivityTime: true });
  await using plain = await connect('plain', { gateway: true });
  await expect.poll(() => activityOf('marked')).toBeGreaterThan(0);
  await expect.poll(() => activityOf('plain')).toBeGreaterThan(0);
  const [first, other] = [await activityOf('marked'), await activityOf('plain')];
  const ping = async () => {
    for (const client of [plain, marked]) {
      client.send({ cmd: 'pingreq' });
      await client.next('pingresp');
    }
    return activityOf('marked');
  };
  await expect.poll(ping, { timeout: 5_000 }).toBeGreaterThan(first);
  expect(await activityOf('plain')).toBe(other);
});
