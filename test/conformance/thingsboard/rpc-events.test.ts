import type { IPublishPacket } from 'mqtt-packet';
import { expect, it } from 'vitest';
import { startBroker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../../helpers/system.ts';

it('3.7: the root chain hears of each state of a persistent call, from its creation to its removal', async () => {
  await using chain = await eventChain();
  await using broker = await startBroker({ chainsDir: chain.chainsDir });
  const token = await newDevice(broker, 'called');
  const id = await deviceId(broker, 'called');
  const { rpcId } = await api<{ rpcId: string }>(broker, `/api/rpc/twoway/${id}`, {
    method: 'POST',
    body: { method: 'setGpio', params: { pin: 7 }, persistent: true, timeout: 60_000 },
  });
  const heard = async () => {
    const events = await eventsOf(broker, 'called');
    return events.filter(({ msgType }) => msgType.startsWith('RPC_')).map(({ msgType }) => msgType.slice(4));
  };
  await expect.poll(heard).toEqual(['QUEUED']);

  await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
  await client.subscribe('v1/devices/me/rpc/request/+');
  const call = (await client.next('publish')) as IPublishPacket;
  client.send({ cmd: 'puback', messageId: call.messageId ?? 0 });
  await expect.poll(heard).toEqual(['QUEUED', 'SENT', 'DELIVERED']);
  await client.publish(call.topic.replace('request', 'response'), '{"ok":true}');
  await expect.poll(heard).toEqual(['QUEUED', 'SENT', 'DELIVERED', 'SUCCESSFUL']);
  await api(broker, `/api/rpc/persistent/${rpcId}`, { method: 'DELETE' });
  await expect.poll(heard).toEqual(['QUEUED', 'SENT', 'DELIVERED', 'SUCCESSFUL', 'DELETED']);

  const last = (await eventsOf(broker, 'called')).at(-1);
  expect(last?.data).toMatchObject({ id: { entityType: 'RPC', id: rpcId }, status: 'DELETED', response: { ok: true } });
});
