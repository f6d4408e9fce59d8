import mqttPacket, { type IConnackPacket, type Packet } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, newDevice, requestOf } from '../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';

describe('sessions, order and pressure', () => {
  let broker: Broker;
  let supplierKey: string;
  const connect = (userName: string, version: 4 | 5 = 4) =>
    MqttClient.connect({ port: broker.ports.mqtt, version, userName });

  beforeAll(async () => {
    broker = await startBroker();
    const body = { name: 'Acme' };
    supplierKey = (await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', { method: 'POST', body }))
      .secretKey;
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  it('acknowledges in order, also behind a message whose chain waits for the store', async () => {
    await using client = await connect(await newDevice(broker, 'order'));
    const packets: Packet[] = [
      {
        cmd: 'publish',
        topic: ATTRIBUTES,
        payload: JSON.stringify({ Power_supplier_secret_key: supplierKey, CUPS: 'ES0217010123456789LL' }),
        ...{ qos: 1, dup: false, retain: false, messageId: 1 },
      },
    ];
    for (let n = 2; n <= 300; n++) {
      const topic = n % 10 === 0 ? 'some/unknown/topic' : TELEMETRY;
      packets.push({ cmd: 'publish', topic, payload: `{"seq":${n}}`, qos: 1, dup: false, retain: false, messageId: n });
    }
    client.send(...packets);
    const acknowledged: number[] = [];
    while (acknowledged.length < 300)
      acknowledged.push(((await client.next('puback')) as { messageId: number }).messageId);
    const known = acknowledged.filter((id) => id % 10 !== 0);
    expect(known).toEqual([...known].sort((a, b) => a - b));
    expect((await latest(broker, 'order')).seq).toBe('299');
    const attached = await api<{ totalElements: number }>(broker, '/api/gridmoor/attachments?device=order');
    expect(attached.totalElements).toBe(1);
  });

  it('QoS 2: stored before PUBREC, a repeated PUBLISH of an open handshake is not run again', async () => {
    await using client = await connect(await newDevice(broker, 'qos2'));
    const publish = { cmd: 'publish', topic: TELEMETRY, qos: 2, retain: false, messageId: 5 } as const;
    client.send({ ...publish, payload: '{"n":1}', dup: false });
    expect(await client.next('pubrec')).toMatchObject({ messageId: 5 });
    expect((await latest(broker, 'qos2')).n).toBe('1');
    client.send({ ...publish, payload: '{"n":1}', dup: true });
    await client.next('pubrec');
    client.send({ cmd: 'pubrel', messageId: 5 });
    expect(await client.next('pubcomp')).toMatchObject({ messageId: 5 });
    const id = await deviceId(broker, 'qos2');
    const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=n&startTs=0&endTs=9000000000000&limit=10`;
    expect((await api<Record<string, unknown[]>>(broker, path)).n).toHaveLength(1);
  });

  it('an MQTT 5 client is told the keep-alive that holds when it asks for none or too long a one; 3.1.1 is let in', async () => {
    const userName = await newDevice(broker, 'keep-alive');
    for (const [keepalive, serverKeepAlive] of [
      [0, 600],
      [65_535, 3600],
      [60, undefined],
    ] as const) {
      await using v5 = await MqttClient.open({ port: broker.ports.mqtt, version: 5, userName, keepalive });
      const { reasonCode, properties } = (await v5.next('connack')) as IConnackPacket;
      expect([reasonCode, properties?.serverKeepAlive]).toEqual([0, serverKeepAlive]);
    }
    await using v3 = await MqttClient.open({ port: broker.ports.mqtt, userName, keepalive: 0 });
    expect(await v3.connack()).toBe(0);
  });

  it('an MQTT 5 client is told the client id that it gets, and that no session outlives its connection', async () => {
    const userName = await newDevice(broker, 'told');
    const connack = async (clientId: string, properties: { sessionExpiryInterval?: number }) => {
      await using v5 = await MqttClient.open({ port: broker.ports.mqtt, version: 5, userName, clientId, properties });
      const answer = (await v5.next('connack')) as IConnackPacket;
      return [answer.properties?.assignedClientIdentifier, answer.properties?.sessionExpiryInterval];
    };
    expect(await connack('', { sessionExpiryInterval: 3600 })).toEqual([await deviceId(broker, 'told'), 0]);
    expect(await connack('own', {})).toEqual([undefined, undefined]);
    expect(await connack('own', { sessionExpiryInterval: 0 })).toEqual([undefined, undefined]);
  });

  it('every provisioning answer goes only to the session that asked, whatever the others subscribed to', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => connect('provision')));
    try {
      await Promise.all(sessions.map((session) => session.subscribe('/provision/response')));
      await Promise.all(
        sessions.map((session, i) =>
          session.publish('/provision/request', requestOf(broker, { deviceName: `own-${i}`, token: `own-token-${i}` })),
        ),
      );
      const answers = await Promise.all(sessions.map((session) => session.message()));
      for (const [i, answer] of answers.entries()) expect(answer).toContain(`"own-token-${i}"`);
      await Promise.all(sessions.map((session) => session.alive()));
      expect(sessions.flatMap((session) => session.unread)).toEqual([]);
    } finally {
      await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
    }
  });

  it('shared attributes reach their own device only', async () => {
    await using a = await connect(await newDevice(broker, 'shared-a'));
    await using b = await connect(await newDevice(broker, 'shared-b'));
    await a.subscribe(ATTRIBUTES);
    await b.subscribe(ATTRIBUTES);
    const id = await deviceId(broker, 'shared-a');
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { own: 1 } });
    expect(await a.message()).toBe(`${ATTRIBUTES} {"own":1}`);
    await b.alive();
    expect(b.unread).toEqual([]);
    expect(await attributes(broker, 'shared-b', 'SHARED_SCOPE')).toEqual({});
  });

  it('14: a rotated token ends the session with 0x98, and the old one is refused', async () => {
    const userName = await newDevice(broker, 'rotated');
    await using client = await connect(userName, 5);
    const id = await deviceId(broker, 'rotated');
    await api(broker, `/api/gridmoor/devices/${id}/rotate`, { method: 'POST', body: {} });
    expect(await client.ended()).toBe(0x98);
    await using again = await MqttClient.open({ port: broker.ports.mqtt, userName });
    expect(await again.connack()).toBe(5);
  });

  it('a deleted device is closed with 0x98, its name and token are free again', async () => {
    const userName = await newDevice(broker, 'deleted');
    await using client = await connect(userName, 5);
    await client.publish(TELEMETRY, '{"a":1}');
    const id = await deviceId(broker, 'deleted');
    await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    expect(await client.ended()).toBe(0x98);
    await newDevice(broker, 'deleted', userName);
    expect(await latest(broker, 'deleted')).toEqual({});
  });

  it('a device that reads nothing loses its own connection only', async () => {
    const raw = await import('node:net');
    const userName = await newDevice(broker, 'deaf');
    await using other = await connect(await newDevice(broker, 'hearing'));
    const socket = raw.connect(broker.ports.mqtt, '127.0.0.1');
    socket.pause();
    socket.on('error', () => {});
    const open = {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 0,
      clientId: '',
      username: userName,
    } as const;
    const subscribe: Packet = { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: ATTRIBUTES, qos: 0 }] };
    socket.write(Buffer.concat([mqttPacket.generate(open), mqttPacket.generate(subscribe)]));
    const id = await deviceId(broker, 'deaf');
    const body = { blob: 'x'.repeat(60_000) };
    for (let i = 0; i < 150; i++) {
      await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body });
    }
    expect(await other.publish(TELEMETRY, '{"ok":1}')).toBe(0);
    const memory = /^process_resident_memory_bytes (\d+)/m.exec(await (await fetch(`${broker.url}/metrics`)).text());
    expect(Number(memory?.[1])).toBeLessThan(400 * 1024 * 1024);
    socket.destroy();
  });

  it('refused logins of one address are held back longer and longer, right ones never', async () => {
    await using strict = await startBroker({
      env: { GRIDMOOR_FREE_REFUSALS: '2', GRIDMOOR_REFUSAL_PAUSE_MS: '60000', GRIDMOOR_REFUSAL_MAX_PAUSE_MS: '60000' },
    });
    const token = await newDevice(strict, 'honest');
    const wrong = () => MqttClient.open({ port: strict.ports.mqtt, userName: 'wrong' });
    for (let i = 0; i < 2; i++) {
      await using client = await wrong();
      expect(await client.connack()).toBe(5);
    }
    await using held = await wrong();
    await using honest = await MqttClient.connect({ port: strict.ports.mqtt, userName: token });
    await honest.alive();
    expect(held.unread).toEqual([]);
  });
});
