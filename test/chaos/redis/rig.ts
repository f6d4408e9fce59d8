import { openRedisStorage, type RedisConnectionOptions } from '../../../src/storage/redis/index.ts';
import { type Broker, type Exit, startBroker } from '../../helpers/broker.ts';
import { check, type ExitFact, type Finding, type MessageCounts } from '../../helpers/checker.ts';
import { type JournalLine, traceOf } from '../../helpers/journal.ts';
import type { JournalClient } from '../../helpers/journal-client.ts';
import type { TestRedis } from '../../helpers/redis.ts';
import { readStoreView, type StoreView } from '../../helpers/store-view.ts';
import { MAIN } from '../broken-build.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../free-port.ts';
import {
  countsAtRest,
  type FleetPlan,
  makeSuppliers,
  needlesOf,
  type Readiness,
  RIG_ENV,
  readinessOf,
  START_MS,
  startFleet,
  VIEW,
} from '../rig-parts.ts';
import { scanFiles, scanLines } from '../secret-scan.ts';
import { residentMiB } from './resident.ts';

/** A Redis as brokers find it, and as the rig does, which may go another way to it. */
export interface Place {
  readonly env: Readonly<Record<string, string>>;
  readonly connection: RedisConnectionOptions;
  /** Folders of its files, which are searched for secrets. */
  readonly dirs: readonly string[];
}

export const standalone = (redis: TestRedis, port = redis.port): Place => ({
  env: { REDIS_URL: `redis://${redis.host}:${port}` },
  connection: { target: { kind: 'standalone', host: redis.host, port: redis.port } },
  dirs: [redis.dir],
});

/** One of the brokers. */
export interface Member {
  readonly running: boolean;
  readonly broker: Broker;
  /** Waits for the end of the running process, which `sent` was to bring about, and notes it for the checker. */
  ended(sent: NodeJS.Signals): Promise<Exit>;
  /** Starts a new process, of another build when one is given; gives how long that took to be ready, in ms. */
  startAgain(build?: string): Promise<number>;
  readiness(): Promise<Readiness>;
  /** Resident memory of the process, MiB. */
  rssMiB(): Promise<number>;
}

/** What is left of a run, and what is wrong with it. */
export interface Judgement {
  readonly findings: readonly Finding[];
  readonly store: StoreView;
  readonly lines: readonly JournalLine[];
}

/** Brokers on one Redis, fleets of journalled devices that are spread over them, and the judgement of what is left. */
export interface ClusterRig extends AsyncDisposable {
  readonly members: readonly Member[];
  readonly supplierKeys: readonly string[];
  /** @param ports where its devices go instead of the brokers themselves. */
  fleet(plan: FleetPlan, ports?: readonly number[]): Promise<JournalClient>;
  /** Resolves when every broker is ready and has every other one in its list; gives how long that took, in ms. */
  ready(deadlineMs?: number): Promise<number>;
  /** Message counters of the running processes, once nothing is in flight any more. */
  counts(): Promise<MessageCounts>;
  /** Ends the brokers, and judges everything that happened. */
  judge(more?: { readonly counts?: MessageCounts }): Promise<Judgement>;
}

export interface ClusterRigOptions {
  readonly brokers?: number;
  /** Entry file of another build. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What one of them has for itself; the first is 0. */
  readonly envOf?: (member: number) => Readonly<Record<string, string>>;
}

export async function startClusterRig(
  place: Place,
  { brokers = 2, main = MAIN, env = {}, envOf = () => ({}) }: ClusterRigOptions = {},
): Promise<ClusterRig> {
  const open = () => openRedisStorage({ connection: place.connection });
  const supplierKeys = await makeSuppliers(open);
  const exits: ExitFact[] = [];
  const metrics: string[] = [];
  const members: (Member & { running: boolean })[] = [];
  const clients: JournalClient[] = [];
  for (let n = 0; n < brokers; n++) {
    members.push(
      await startMember(main, { ...place.env, GRIDMOOR_INSTANCE_ID: `broker-${n + 1}`, ...env, ...envOf(n) }, exits),
    );
  }

  return {
    members,
    supplierKeys,
    async fleet(plan, ports = members.map(({ broker }) => broker.ports.mqtt)) {
      const client = await startFleet(plan, ports, supplierKeys);
      clients.push(client);
      return client;
    },
    async ready(deadlineMs = 15_000) {
      const before = performance.now();
      for (const { readiness } of members) {
        let last: Readiness | undefined;
        await eventually(
          'every broker is ready',
          async () => {
            last = await readiness();
            return last.serves;
          },
          deadlineMs,
        ).catch((error: unknown) => {
          throw new Error(`not ready: ${last?.problem}`, { cause: error });
        });
      }
      return performance.now() - before;
    },
    async counts() {
      const each = await Promise.all(members.map(({ broker }) => countsAtRest(broker.url, metrics)));
      const sum = (of: (counts: MessageCounts) => number): number => each.reduce((total, one) => total + of(one), 0);
      return {
        received: sum(({ received }) => received),
        outcomes: sum(({ outcomes }) => outcomes),
        inFlight: sum(({ inFlight }) => inFlight),
      };
    },
    async judge({ counts } = {}) {
      for (const { running, broker, ended } of members) {
        if (!running) continue;
        const exit = ended('SIGTERM');
        await broker.kill('SIGTERM');
        await exit;
      }
      const lines: readonly JournalLine[] = clients.flatMap((client) => [...client.journal()]);
      const trace = traceOf(lines);
      const needles = needlesOf(trace, supplierKeys);
      const output = members.flatMap(({ broker }) => [...broker.stdout, ...broker.stderr]);
      const folders = [...place.dirs, ...members.map(({ broker }) => broker.dataDir)];
      const secretHits = [
        ...folders.flatMap((dir) => scanFiles(dir, needles.atRest)),
        ...scanLines('output', output, needles.inOutput),
        ...scanLines('metrics', metrics, needles.inOutput),
      ];
      const store = await readStoreView({ ...VIEW, open, trace });
      const findings = check({ trace, store, exits, output, secretHits, ...(counts ? { counts } : {}) });
      return { findings, store, lines };
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      const ends = await Promise.allSettled(members.map(({ broker }) => broker[Symbol.asyncDispose]()));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
  };
}

async function startMember(
  main: string,
  more: Readonly<Record<string, string>>,
  exits: ExitFact[],
): Promise<Member & { running: boolean }> {
  const ports = { MQTT_BIND_PORT: String(await freePort()), HTTP_BIND_PORT: String(await freePort()) };
  const broker = await startBroker({ main, deadlineMs: START_MS, env: { ...ports, ...RIG_ENV, ...more } });
  const member = {
    broker,
    running: true,
    async ended(sent: NodeJS.Signals) {
      const exit = await broker.exited;
      member.running = false;
      exits.push({ ...exit, sent });
      return exit;
    },
    async startAgain(build?: string) {
      const before = performance.now();
      await broker.restart('SIGKILL', build);
      member.running = true;
      return performance.now() - before;
    },
    readiness: () => readinessOf(broker.url),
    rssMiB: () => residentMiB(broker.pid),
  };
  return member;
}
