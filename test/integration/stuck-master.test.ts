import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { slotOf } from '../../src/storage/redis/slots.ts';
import { startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { startRedisCluster } from '../helpers/redis.ts';
import { deviceId, latest, newDevice } from '../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
/** As `startRedisCluster` shares the slots out. */
const masterOf = (tag: string): number => Math.floor(slotOf(tag) / 5461.34);

function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it.skipIf(!hasRedis())(
  'a master of a Cluster that stands still delays the acknowledgements of its own devices, and of no others (needs redis-server)',
  async () => {
    // Nobody declares it dead within the test.
    await using cluster = await startRedisCluster({ args: ['--cluster-node-timeout', '30000'] });
    await using broker = await startBroker({
      deadlineMs: 40_000,
      env: {
        REDIS_CONNECTION_TYPE: 'cluster',
        REDIS_NODES: cluster.addresses,
        GRIDMOOR_SECRET_KEY: 'a-key-for-one-broker-0123456789abcdef',
      },
    });
    const names = new Map<number, string>();
    for (let n = 0; names.size < 3; n++) {
      await newDevice(broker, `meter-${n}`);
      names.set(masterOf(await deviceId(broker, `meter-${n}`)), `meter-${n}`);
    }
    const registry = masterOf('gm');
    const [stuck = 0, ...others] = [0, 1, 2].sort((a, b) => Number(a === registry) - Number(b === registry));
    const connect = (master: number) =>
      MqttClient.connect({ port: broker.ports.mqtt, userName: `token-of-${names.get(master)}-0123456789` });
    await using held = await connect(stuck);
    const free = await Promise.all(others.map(connect));
    for (const client of [held, ...free]) expect(await client.publish(TELEMETRY, '{"n":0}')).toBe(0);

    cluster.nodes[stuck]?.pause();
    const waits = held.publish(TELEMETRY, '{"n":1}');
    for (let n = 1; n <= 5; n++) {
      for (const client of free) expect(await client.publish(TELEMETRY, `{"n":${n}}`)).toBe(0);
    }
    const first = await Promise.race([waits, Promise.resolve('not acknowledged')]);
    cluster.nodes[stuck]?.resume();
    expect(first).toBe('not acknowledged');
    expect(await waits).toBe(0);
    expect(await latest(broker, names.get(stuck) ?? '')).toMatchObject({ n: '1' });
    for (const client of free) await client[Symbol.asyncDispose]();
  },
);
