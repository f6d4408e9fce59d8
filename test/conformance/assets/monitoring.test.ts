import { EventEmitter, once } from 'node:events';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { addDevice, ENOS, enosNames, enosProfile, openThing, startDialects } from '../dialects/kit.ts';
import { latest, publishAndRead } from '../dialects/messages.ts';

it('asset 7: a WebSocket hears of posted values in well under a second; a late one overwrites no newer one', async () => {
  await using dialects = await startDialects([enosProfile('rod')]);
  const { broker } = dialects;
  const { id, deviceSecret } = await addDevice(broker, 'rod', 'watched');
  await using client = await openThing(broker, enosNames({ deviceKey: 'watched', secret: deviceSecret }));
  expect(await client.connack()).toBe(0);

  const socket = new WebSocket(`${broker.url.replace('http', 'ws')}/api/ws`);
  await once(socket, 'open');
  const heard = new EventEmitter();
  socket.on('message', (text) => {
    const { data } = JSON.parse(String(text)) as { data?: Record<string, [number, string][]> };
    heard.emit(`power ${data?.power?.[0]?.[1]}`);
  });
  const cmd = { entityType: 'DEVICE', entityId: id, scope: 'LATEST_TELEMETRY', cmdId: 1, type: 'TIMESERIES' };
  const subscribed = once(socket, 'message');
  socket.send(JSON.stringify({ authCmd: { cmdId: 0, token: broker.adminKey }, cmds: [cmd] }));
  await subscribed;

  const post = (what: string, power: number, time: number) => {
    const topic = `/sys/${ENOS.productKey}/watched/thing/measurepoint/${what}`;
    return publishAndRead(client, topic, { id: '1', params: { measurepoints: { power }, time } });
  };
  const took: number[] = [];
  for (let power = 1; power <= 15; power++) {
    const news = once(heard, `power ${power}`);
    const since = performance.now();
    expect(await post('post', power, 1_700_000_000_000 + power)).toContain('"code":200');
    await news;
    took.push(performance.now() - since);
  }
  expect(took.sort((a, b) => a - b)[7]).toBeLessThan(1_000);
  expect(await post('resume', 99, 1_700_000_000_000)).toContain('"code":200');
  expect(await latest(broker, id)).toEqual({ power: [1_700_000_000_015, 15] });
  socket.terminate();
});
