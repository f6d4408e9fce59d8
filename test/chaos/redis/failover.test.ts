import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectNothingFound, type Finding } from '../../helpers/checker.ts';
import { startRedisCluster, startSentinel, type TestRedis } from '../../helpers/redis.ts';
import { addressesOf } from '../../helpers/redis-store.ts';
import { eventually } from '../eventually.ts';
import { describeRecoveries, recoveries } from './recovery.ts';
import { type Place, startClusterRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));
/** The replica is behind by so much when the master dies. */
const BEHIND_MS = 300;
/** What a fail-over may lose when nobody waited for the replica: what was acknowledged, and nothing else. */
const LOSABLE: readonly Finding['invariant'][] = ['I1', 'I3', 'I4', 'I9'];

/** With Sentinel it takes twice as long until the old master is back as a replica: in the long form alone. */
const WAITED: readonly (readonly [name: string, start: () => Promise<Topology>])[] = [
  ['a Cluster', () => cluster()],
  ...(process.env.CHAOS_LONG ? [['Sentinel', () => sentinel()] as const] : []),
];

interface Topology extends AsyncDisposable {
  readonly place: Place;
  readonly master: TestRedis;
  readonly replica: TestRedis;
}

describe(`chaos: Redis fails over (CHAOS_SEED=${seed})`, () => {
  for (const [name, start] of WAITED) {
    it(`${name}, writes acknowledged by the replica (REDIS_WAIT_REPLICAS): nothing is lost`, async () => {
      await using topology = await start();
      const findings = await failOver(topology, { REDIS_WAIT_REPLICAS: '1' });
      expectNothingFound(findings);
    });
  }

  it('Sentinel, nobody waits for the replica: what it was behind by is lost, and nothing else', async () => {
    await using topology = await sentinel();
    const findings = await failOver(topology, {});
    const messages = new Set(
      findings.flatMap(({ problem }) => /^(\S+ seq \d+): acknowledged/.exec(problem)?.[1] ?? []),
    );
    console.log(`${messages.size} acknowledged readings lost in an asynchronous fail-over`);
    expect(findings.filter(({ invariant }) => !LOSABLE.includes(invariant))).toEqual([]);
  });
});

/** The master is killed while its replica is cut off, and the replica goes on. */
async function failOver({ place, master, replica }: Topology, env: Readonly<Record<string, string>>) {
  await using rig = await startClusterRig(place, { env });
  const fleet = await rig.fleet({ seed, groups: 24, messages: 100_000, parallel: 24, window: 4, shape: 'alone' });
  await fleet.until((now) => now.provisioned === 24 && now.acked > 500, 'all devices at work', 60_000);
  const { closed, acked } = fleet.progress;
  // The replica cannot come back to it: what is written from now on is on the master alone.
  await master.client.config('SET', 'requirepass', 'unknown-to-the-replica');
  await master.client.client('KILL', 'TYPE', 'replica');
  await pause(BEHIND_MS);
  const behind = fleet.progress.acked - acked;
  const at = Date.now();
  await master.kill();
  // Without it the new master would have no replica that could acknowledge.
  await eventually('the replica is the master', () => isMaster(replica), 20_000);
  await master.restart();
  await fleet.until((now) => now.acked > acked + behind + 300, '300 messages after the fail-over', 60_000);
  await eventually(
    'every broker takes traffic',
    async () => {
      const answers = await Promise.all(rig.members.map(({ broker }) => fetch(`${broker.url}/readyz`)));
      return answers.every(({ ok }) => ok);
    },
    30_000,
  );
  const ended = fleet.progress.closed - closed;
  await fleet.stop(60_000);
  const { findings, lines } = await rig.judge({ counts: await rig.counts() });
  const [felt] = recoveries(lines, [at]);
  console.log(
    `${behind} messages acknowledged while the replica was cut off; ${felt ? describeRecoveries([felt]) : ''}, ${ended} sessions ended`,
  );
  return findings;
}

const isMaster = async ({ client }: TestRedis): Promise<boolean> =>
  (await client.info('replication')).includes('role:master');

async function sentinel(): Promise<Topology> {
  const { master, replica, masterName, addresses, ...rest } = await startSentinel();
  const target = { kind: 'sentinel', sentinels: addressesOf(addresses), master: masterName } as const;
  const env = { REDIS_CONNECTION_TYPE: 'sentinel', REDIS_MASTER: masterName, REDIS_SENTINELS: addresses };
  return { ...rest, master, replica, place: { env, connection: { target }, dirs: [replica.dir] } };
}

async function cluster(): Promise<Topology> {
  const { nodes, addresses, ...rest } = await startRedisCluster({ replicas: 1 });
  const target = { kind: 'cluster', nodes: addressesOf(addresses) } as const;
  const env = { REDIS_CONNECTION_TYPE: 'cluster', REDIS_NODES: addresses };
  const slot = Number(await nodes[0]?.client.call('cluster', 'keyslot', '{gm}:devices'));
  // The registry's slot is in the thirds that the masters share in turn.
  const at = slot < 5461 ? 0 : slot < 10923 ? 1 : 2;
  const [master, replica] = [nodes[at], nodes[at + 3]];
  if (!master || !replica) throw new Error('no such node');
  return { ...rest, master, replica, place: { env, connection: { target }, dirs: nodes.map(({ dir }) => dir) } };
}
