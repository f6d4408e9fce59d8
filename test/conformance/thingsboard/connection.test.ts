import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { latest, newDevice, provision } from '../../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';

describe('thingsboard-device-api 12: connection', () => {
  let broker: Broker;
  const open = (options: Omit<Parameters<typeof MqttClient.open>[0], 'port'>) =>
    MqttClient.open({ port: broker.ports.mqtt, ...options });

  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  it.each([4, 5] as const)(
    '1: a token lets in with any client id and any password (MQTT version %i)',
    async (version) => {
      const userName = await newDevice(broker, `c1-${version}`);
      await using client = await open({ version, userName, clientId: 'whatever', password: 'ignored' });
      expect(await client.connack()).toBe(0);
    },
  );

  it('2: an unknown token is refused with 5 on 3.1.1', async () => {
    await using client = await open({ userName: 'bad' });
    expect(await client.connack()).toBe(5);
    await client.ended();
  });

  it('3: an unknown token is refused with 0x86 on MQTT 5', async () => {
    await using client = await open({ version: 5, userName: 'bad' });
    expect(await client.connack()).toBe(0x86);
    await client.ended();
  });

  it('4: an unknown client id alone is refused with 0x85, on 3.1.1 with 2', async () => {
    await using v5 = await open({ version: 5, clientId: 'nobody' });
    expect(await v5.connack()).toBe(0x85);
    await using v3 = await open({ clientId: 'nobody' });
    expect(await v3.connack()).toBe(2);
  });

  it('5: nothing given at all is refused with 0x87', async () => {
    await using client = await open({ version: 5 });
    expect(await client.connack()).toBe(0x87);
  });

  it('6: MQTT_BASIC with client id, user name and password; a wrong password is refused even when the user name is a token', async () => {
    await provision(broker, {
      deviceName: 'c6',
      credentialsType: 'MQTT_BASIC',
      clientId: 'c',
      username: 'u-c6',
      password: 'p',
    });
    await newDevice(broker, 'c6-token', 'u-c6');
    await using right = await open({ clientId: 'c', userName: 'u-c6', password: 'p' });
    expect(await right.connack()).toBe(0);
    await using wrong = await open({ clientId: 'c', userName: 'u-c6', password: 'x' });
    expect(await wrong.connack()).toBe(5);
    await using other = await open({ clientId: 'other', userName: 'u-c6' });
    expect(await other.connack()).toBe(0);
  });

  it('7: MQTT_BASIC with a client id only; an extra user name is refused', async () => {
    await provision(broker, { deviceName: 'c7', credentialsType: 'MQTT_BASIC', clientId: 'only-c7' });
    await using right = await open({ clientId: 'only-c7' });
    expect(await right.connack()).toBe(0);
    await using extra = await open({ clientId: 'only-c7', userName: 'extra' });
    expect(await extra.connack()).toBe(5);
  });

  it('7: MQTT_BASIC with client id and user name does not let in one who joins both in the client id', async () => {
    await provision(broker, { deviceName: 'c7b', credentialsType: 'MQTT_BASIC', clientId: 'c7b', username: 'u-c7b' });
    await using right = await open({ clientId: 'c7b', userName: 'u-c7b' });
    expect(await right.connack()).toBe(0);
    await using joined = await open({ clientId: 'c7b|u-c7b' });
    expect(await joined.connack()).toBe(2);
  });

  it('8: MQTT_BASIC with user name and password takes any client id', async () => {
    await provision(broker, { deviceName: 'c8', credentialsType: 'MQTT_BASIC', username: 'u-c8', password: 'p' });
    await using right = await open({ clientId: 'any', userName: 'u-c8', password: 'p' });
    expect(await right.connack()).toBe(0);
    await using wrong = await open({ clientId: 'any', userName: 'u-c8', password: 'q' });
    expect(await wrong.connack()).toBe(5);
  });

  it.each([4, 5] as const)(
    '9: a second session of a device closes the first, whatever the client id (version %i)',
    async (version) => {
      const userName = await newDevice(broker, `c9-${version}`);
      await using first = await MqttClient.connect({ port: broker.ports.mqtt, version, userName, clientId: 'one' });
      await using second = await MqttClient.connect({ port: broker.ports.mqtt, version, userName, clientId: 'two' });
      expect(await first.ended()).toBe(version === 5 ? 0x8e : undefined);
      await second.alive();
    },
  );

  it('10: two devices with the same client id both stay, and both are stored', async () => {
    const tokens = [await newDevice(broker, 'c10-a'), await newDevice(broker, 'c10-b')] as const;
    await using a = await MqttClient.connect({ port: broker.ports.mqtt, userName: tokens[0], clientId: 'same' });
    await using b = await MqttClient.connect({ port: broker.ports.mqtt, userName: tokens[1], clientId: 'same' });
    await a.publish(TELEMETRY, '{"who":"a"}');
    await b.publish(TELEMETRY, '{"who":"b"}');
    await a.alive();
    expect((await latest(broker, 'c10-a')).who).toBe('a');
    expect((await latest(broker, 'c10-b')).who).toBe('b');
  });

  it.each([
    [4, 0x80],
    [5, 0x8f],
  ] as const)('11: SUBSCRIBE to # and to the attributes in one packet (version %i)', async (version, refused) => {
    const userName = await newDevice(broker, `c11-${version}`);
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, version, userName });
    expect(await client.subscribe('#', 'v1/devices/me/attributes')).toEqual([refused, 1]);
    for (const filter of ['v1/devices/me/#', 'v1/devices/me/rpc/request/7', '+/#', '$SYS/#', '/provision/response']) {
      expect(await client.subscribe(filter)).toEqual([refused]);
    }
  });

  it('12: SUBSCRIBE to RPC requests at QoS 2 is granted QoS 1', async () => {
    const userName = await newDevice(broker, 'c12');
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName });
    expect(await client.subscribe(['v1/devices/me/rpc/request/+', 2])).toEqual([1]);
  });

  it('13: a packet above 65,536 bytes closes the connection, one of just that size does not', async () => {
    const userName = await newDevice(broker, 'c13');
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName });
    // Remaining length = topic with its length + packet id + payload.
    const room = 65_536 - (2 + TELEMETRY.length) - 2;
    const fits = `{"a":"${'x'.repeat(room - 8)}"}`;
    expect(await client.publish(TELEMETRY, fits)).toBe(0);
    client.send({
      cmd: 'publish',
      topic: TELEMETRY,
      payload: `${fits} `,
      qos: 1,
      dup: false,
      retain: false,
      messageId: 9,
    });
    await client.ended();
    expect(client.unread).not.toContain('puback');
  });

  it('15: a PUBLISH sent with the CONNECT is processed after acceptance', async () => {
    const userName = await newDevice(broker, 'c15');
    await using client = await open({ userName });
    client.send({
      cmd: 'publish',
      topic: TELEMETRY,
      payload: '{"early":1}',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 7,
    });
    expect(await client.connack()).toBe(0);
    await client.next('puback');
    expect((await latest(broker, 'c15')).early).toBe('1');
  });
});
