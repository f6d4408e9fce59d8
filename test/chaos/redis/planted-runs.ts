import type { Broker } from '../../helpers/broker.ts';
import type { Finding, Invariant } from '../../helpers/checker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { deviceId, newDevice } from '../../helpers/system.ts';
import { eventually } from '../eventually.ts';
import { AsyncStack, type Bed, makeBed, type Work } from './bed.ts';

/** What the promises of many brokers are called here that no journal shows. */
export type Promised = Invariant | 'take-over' | 'orphans';

const PLAN = { groups: 4_000, messages: 30, parallel: 12, window: 8 } as const;
const BUSY: Work = { name: 'planted bugs', plan: PLAN, some: 100 };
const KILLS = 4;

/** Ways to bring a bug to light; each gives what was broken. */
export const RUNS = {
  async 'two brokers at work'(main: string): Promise<readonly Promised[]> {
    await using bed = await makeBed(BUSY, { main });
    await bed.goesOn(20, 60_000);
    return await judge(bed);
  },

  async 'a broker is killed behind an acknowledgement'(main: string): Promise<readonly Promised[]> {
    return killed(main, 'ack', 0);
  },

  async 'a broker is killed behind an attachment'(main: string): Promise<readonly Promised[]> {
    return killed(main, 'attach', 15);
  },

  async 'connections to Redis are reset'(main: string): Promise<readonly Promised[]> {
    await using bed = await makeBed(BUSY, { main, habits: { shape: 'alone' } });
    for (const proxy of bed.toRedis) proxy.harm({ resets: 0.05 });
    await bed.goesOn(20, 60_000);
    for (const proxy of bed.toRedis) proxy.harm({});
    return await judge(bed);
  },

  async 'a broker is cut off from Redis'(main: string): Promise<readonly Promised[]> {
    await using bed = await makeBed(BUSY, { main, habits: { patienceMs: 1_500 } });
    for (const held of ['requests', 'replies'] as const) {
      const { acked } = bed.fleet.progress;
      bed.toRedis[0]?.harm({ held });
      // Longer than a device waits, and than it takes to do what was refused at the other broker.
      await bed.fleet.until((now) => now.acked > acked + 600, '600 messages at the other broker', 20_000);
      bed.toRedis[0]?.harm({});
      await bed.rig.ready();
    }
    return await judge(bed);
  },

  async 'a device comes to the other broker'(main: string): Promise<readonly Promised[]> {
    await using bed = await makeBed(BUSY, { main });
    const [first, second] = pairOf(bed);
    const userName = await newDevice(first, 'walker');
    await using here = await MqttClient.connect({ port: first.ports.mqtt, userName });
    await using there = await MqttClient.connect({ port: second.ports.mqtt, userName });
    const ended = await here.ended(3_000).then(
      () => true,
      () => false,
    );
    await there.publish('v1/devices/me/telemetry', '{"a":1}');
    return ended ? [] : ['take-over'];
  },

  async 'a broker dies'(main: string): Promise<readonly Promised[]> {
    await using bed = await makeBed(BUSY, { main });
    const { redis, rig } = bed;
    const [first] = pairOf(bed);
    await using stack = new AsyncStack();
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      const userName = await newDevice(first, name);
      stack.use(await MqttClient.connect({ port: first.ports.mqtt, userName }));
      ids.push(await deviceId(first, name));
    }
    const ended = rig.members[0]?.ended('SIGKILL');
    await first.kill('SIGKILL');
    await ended;
    const left = async (): Promise<boolean> =>
      (await redis.client.hmget('{gm}:sessions', ...ids)).some((text) => text !== null);
    const gone = await eventually('no session is left', async () => !(await left()), 15_000).catch(() => false);
    return gone ? [] : ['orphans'];
  },
} as const satisfies Record<string, (main: string) => Promise<readonly Promised[]>>;

export type RunName = keyof typeof RUNS;

async function killed(main: string, moment: 'ack' | 'attach', delayMs: number): Promise<readonly Promised[]> {
  await using bed = await makeBed(BUSY, { main });
  const [first] = bed.rig.members;
  if (!first) throw new Error('no broker');
  for (let kill = 0; kill < KILLS; kill++) {
    await bed.goesOn();
    const ended = first.ended('SIGKILL');
    bed.fleet.arm(first.broker.pid, moment, 5 + kill, delayMs);
    await ended;
    await first.startAgain();
  }
  return await judge(bed);
}

async function judge({ fleet, rig }: Bed): Promise<readonly Promised[]> {
  await fleet.stop(60_000);
  const { findings } = await rig.judge();
  return [...new Set(findings.map(({ invariant }: Finding) => invariant))];
}

function pairOf({ rig }: Bed): readonly [Broker, Broker] {
  const [first, second] = rig.members;
  if (!first || !second) throw new Error('two brokers are needed');
  return [first.broker, second.broker];
}
