import { once } from 'node:events';
import { Aedes, type Client } from 'aedes';
import { describe, expect, it } from 'vitest';
import {
  emitPacket,
  forgetWill,
  isTakenOver,
  nextCounter,
  subscriptionsOf,
  tellClientId,
} from '../../../../src/transport/mqtt/app/aedes-app.ts';
import { startGuardedAedes } from '../../../helpers/guarded-aedes.ts';
import { MqttClient } from '../../../helpers/mqtt-client.ts';

describe('what aedes has for app clients, and its types do not promise', () => {
  it('an MQTT 5 client is told the id it was given', async () => {
    await using aedes = await startGuardedAedes({
      aedes: {
        preConnect: (_client, packet, done) => {
          packet.clientId = 'owner/auto-1';
          done(null, true);
        },
        authenticate: (client, _user, _password, done) => {
          tellClientId(client, 'auto-1');
          done(null, true);
        },
      },
    });
    await using client = await MqttClient.open({ port: aedes.port, version: 5 });
    expect(await client.next('connack')).toMatchObject({ properties: { assignedClientIdentifier: 'auto-1' } });
  });

  it('its subscriptions are known by filter, with their QoS and identifier', async () => {
    await using aedes = await startGuardedAedes();
    await using client = await MqttClient.connect({ port: aedes.port, version: 5 });
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'app/#', qos: 1, rap: true }],
      properties: { subscriptionIdentifier: 7 },
    } as never);
    await client.next('suback');
    expect(subscriptionsOf(aedes.newest())).toMatchObject([['app/#', { qos: 1, rap: true, si: 7 }]]);
  });

  it('a packet that is emitted reaches the subscription in the same turn; a lower number than one before does not', async () => {
    const forwarded: unknown[] = [];
    await using aedes = await startGuardedAedes({
      aedes: {
        authorizeForward: (_client, packet) => {
          forwarded.push(packet.payload.toString());
          return null as never;
        },
      },
    });
    await using client = await MqttClient.connect({ port: aedes.port });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'app/#', qos: 0 }] });
    await client.next('suback');
    const { broker } = aedes;
    const packet = (text: string, brokerCounter: number) => ({
      cmd: 'publish',
      topic: 'app/x',
      payload: Buffer.from(text),
      qos: 0,
      retain: false,
      brokerId: 'other',
      brokerCounter,
    });
    const counter = nextCounter(broker);
    expect(nextCounter(broker)).toBe(counter + 1);
    emitPacket(broker, packet('second', 2));
    emitPacket(broker, packet('first', 1));
    emitPacket(broker, packet('third', 3));
    expect(forwarded).toEqual(['second', 'third']);
  });

  it('a will that is forgotten is not sent, and a session that is taken over is known while its old connection ends', async () => {
    const wills: string[] = [];
    const seen: boolean[] = [];
    class Watched extends Aedes {
      scheduleSessionExpiry(client: Client): void {
        seen.push(isTakenOver(this, client.id));
      }
    }
    const broker = new Watched({
      authorizePublish: (_client, packet, done) => {
        wills.push(packet.topic);
        done(null);
      },
    });
    await broker.listen();
    const { createServer } = await import('node:net');
    const server = createServer((socket) => void broker.handle(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const open = async (): Promise<MqttClient> => {
      const client = await MqttClient.raw({ port });
      client.send({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: true,
        keepalive: 60,
        clientId: 'same',
        will: { topic: 'will', payload: Buffer.from('x'), qos: 0, retain: false },
      });
      const [ready] = (await once(broker, 'clientReady')) as [Client];
      forgetWill(ready);
      return client;
    };
    const first = await open();
    const second = await open();
    expect(seen).toEqual([true]);
    const gone = once(broker, 'clientDisconnect');
    await second[Symbol.asyncDispose]();
    await gone;
    expect([wills, seen]).toEqual([[], [true, false]]);
    await first[Symbol.asyncDispose]();
    server.close();
    await new Promise<void>((resolve) => broker.close(resolve));
  });
});
