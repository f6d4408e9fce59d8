import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';
import { type Broker, type BrokerOptions, type Exit, startBroker } from '../helpers/broker.ts';
import { check, type ExitFact, type Finding, type MessageCounts } from '../helpers/checker.ts';
import { type JournalLine, traceOf } from '../helpers/journal.ts';
import type { JournalClient } from '../helpers/journal-client.ts';
import { readStoreView } from '../helpers/store-view.ts';
import { MAIN } from './broken-build.ts';
import { freePort } from './free-port.ts';
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
} from './rig-parts.ts';
import { scanFiles, scanLines } from './secret-scan.ts';

/** A broker with known secrets and suppliers, fleets of journalled devices on it, and the judgement of what is left. */
export interface Rig extends AsyncDisposable {
  readonly broker: Broker;
  readonly dataDir: string;
  /** The environment that the broker was started with, beside its defaults. */
  readonly env: Readonly<Record<string, string | undefined>>;
  fleet(plan: FleetPlan): Promise<JournalClient>;
  /** Waits for the end of the running process, which `sent` was to bring about, and notes it for the checker. */
  ended(sent: NodeJS.Signals): Promise<Exit>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Exit>;
  /** Starts a new process on the same data; gives how long that took to be ready, in ms. */
  startAgain(): Promise<number>;
  /** Message counters of the running process, once nothing is in flight any more. */
  counts(): Promise<MessageCounts>;
  readiness(): Promise<Readiness>;
  /** Ends the broker when it runs, and judges everything that happened. */
  judge(more?: { readonly counts?: MessageCounts; readonly storeIn?: string }): Promise<readonly Finding[]>;
}

export async function startRig(options: BrokerOptions = {}): Promise<Rig> {
  const own = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'gridmoor-chaos-')));
  const supplierKeys = await makeSuppliers(() => openEmbeddedStorage({ dataDir }));
  const env = {
    MQTT_BIND_PORT: String(await freePort()),
    HTTP_BIND_PORT: String(await freePort()),
    ...RIG_ENV,
    ...options.env,
  };
  const broker = await startBroker({ main: MAIN, deadlineMs: START_MS, ...options, dataDir, env });
  const clients: JournalClient[] = [];
  const exits: ExitFact[] = [];
  const metrics: string[] = [];
  let running = true;

  const ended = async (sent: NodeJS.Signals): Promise<Exit> => {
    const exit = await broker.exited;
    running = false;
    exits.push({ ...exit, sent });
    return exit;
  };

  return {
    broker,
    dataDir,
    env,
    async fleet(plan) {
      const client = await startFleet(plan, [broker.ports.mqtt], supplierKeys);
      clients.push(client);
      return client;
    },
    ended,
    async end(signal) {
      const exit = ended(signal);
      await broker.kill(signal);
      return exit;
    },
    async startAgain() {
      const before = performance.now();
      await broker.restart('SIGKILL');
      running = true;
      return performance.now() - before;
    },
    counts: () => countsAtRest(broker.url, metrics),
    readiness: () => readinessOf(broker.url),
    async judge({ counts, storeIn } = {}) {
      if (running) {
        const exit = ended('SIGTERM');
        await broker.kill('SIGTERM');
        await exit;
      }
      const lines: readonly JournalLine[] = clients.flatMap((client) => [...client.journal()]);
      const trace = traceOf(lines);
      const needles = needlesOf(trace, supplierKeys);
      const output = [...broker.stdout, ...broker.stderr];
      const secretHits = [
        ...scanFiles(dataDir, needles.atRest),
        ...scanLines('output', output, needles.inOutput),
        ...scanLines('metrics', metrics, needles.inOutput),
      ];
      const open = () => openEmbeddedStorage({ dataDir: storeIn ?? dataDir, sync: false });
      const store = await readStoreView({ ...VIEW, open, trace });
      return check({ trace, store, exits, output, secretHits, ...(counts ? { counts } : {}) });
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      try {
        await broker[Symbol.asyncDispose]();
      } finally {
        if (own) await rm(dataDir, { recursive: true, force: true });
      }
    },
  };
}
