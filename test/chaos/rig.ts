import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/model/clock.ts';
import { createKeyedHash } from '../../src/model/keyed-hash.ts';
import { createSuppliers } from '../../src/registry/suppliers.ts';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';
import { type Broker, type BrokerOptions, type Exit, startBroker } from '../helpers/broker.ts';
import { check, type ExitFact, type Finding, type MessageCounts } from '../helpers/checker.ts';
import { type JournalLine, traceOf } from '../helpers/journal.ts';
import { type JournalClient, type JournalClientOptions, startJournalClient } from '../helpers/journal-client.ts';
import { type FleetOptions, planFleet, SECRET_MARK } from '../helpers/journal-plan.ts';
import { readStoreView } from '../helpers/store-view.ts';
import { MAIN } from './broken-build.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type Needle, scanFiles, scanLines } from './secret-scan.ts';

const INSTANCE_KEY = `${SECRET_MARK}-instance-key-0123456789abcdef`;
const ADMIN_KEY = `${SECRET_MARK}-admin-key-0123456789abcdef`;
const PROVISION_SECRET = `${SECRET_MARK}-provision-secret-0123456789`;

export interface FleetPlan extends Omit<FleetOptions, 'supplierKeys'> {
  readonly parallel: number;
  readonly window: number;
  readonly paceMs?: number;
}

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

/** What `/readyz` says; `ready` when every check holds, also the advisory ones; `problem` joins those of the failed checks. */
export interface Readiness {
  readonly ready: boolean;
  readonly problem: string;
}

export async function startRig(options: BrokerOptions = {}): Promise<Rig> {
  const own = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'gridmoor-chaos-')));
  const supplierKeys = await makeSuppliers(dataDir);
  const env = {
    MQTT_BIND_PORT: String(await freePort()),
    HTTP_BIND_PORT: String(await freePort()),
    GRIDMOOR_SECRET_KEY: INSTANCE_KEY,
    GRIDMOOR_ADMIN_KEY: ADMIN_KEY,
    PROVISION_SECRET_SMART_METER: PROVISION_SECRET,
    // All devices have one address here, and many lose races by design.
    GRIDMOOR_FREE_REFUSALS: '1000000',
    LOG_LEVEL: 'debug',
    ...options.env,
  };
  const broker = await startBroker({ main: MAIN, ...options, dataDir, env });
  const clients: JournalClient[] = [];
  const exits: ExitFact[] = [];
  const metrics: string[] = [];
  let running = true;

  const scrape = async (): Promise<string> => {
    const response = await fetch(`${broker.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    const text = await response.text();
    if (!response.ok) throw new Error(`/metrics answered ${response.status}: ${text.slice(0, 200)}`);
    metrics.push(...text.split('\n'));
    return text;
  };
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
    async fleet({ parallel, window, paceMs = 0, ...plan }) {
      const groups = planFleet({ ...plan, supplierKeys });
      const shared: Omit<JournalClientOptions, 'groups'> = {
        port: broker.ports.mqtt,
        provisionKey: 'smart-meter',
        provisionSecret: PROVISION_SECRET,
        seed: plan.seed,
        parallel,
        window,
        paceMs,
      };
      const client = await startJournalClient({ ...shared, groups });
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
    counts: () =>
      eventually(
        'nothing in flight',
        async () => {
          const counts = readCounts(await scrape());
          return counts.inFlight === 0 && counts;
        },
        10_000,
      ),
    async readiness() {
      const response = await fetch(`${broker.url}/readyz`);
      const { checks } = (await response.json()) as { checks: { ok: boolean; problem?: string }[] };
      const ready = checks.every(({ ok }) => ok);
      return { ready, problem: checks.flatMap(({ problem }) => problem ?? []).join('; ') };
    },
    async judge({ counts, storeIn } = {}) {
      if (running) {
        const exit = ended('SIGTERM');
        await broker.kill('SIGTERM');
        await exit;
      }
      const lines: readonly JournalLine[] = clients.flatMap((client) => [...client.journal()]);
      const trace = traceOf(lines);
      const keys = supplierKeys.map((text): Needle => ({ what: 'a supplier key', text }));
      const needles: readonly Needle[] = [{ what: 'a planted secret', text: SECRET_MARK }, ...keys];
      // At rest a supply point may stand in clear; in what people read it may not (cups.md 7).
      const codes = [...trace.devices.values()].map(
        ({ stem }): Needle => ({ what: 'a whole supply point', text: stem }),
      );
      const output = [...broker.stdout, ...broker.stderr];
      const secretHits = [
        ...scanFiles(dataDir, needles),
        ...scanLines('output', output, [...needles, ...codes]),
        ...scanLines('metrics', metrics, [...needles, ...codes]),
      ];
      const view = { instanceKey: INSTANCE_KEY, telemetryKeys: ['seq', 'owner', 'exact'], trace };
      const store = await readStoreView({ dataDir: storeIn ?? dataDir, ...view });
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

/** Suppliers that exist before the first start: their keys are known to the test alone. */
async function makeSuppliers(dataDir: string): Promise<readonly string[]> {
  const storage = await openEmbeddedStorage({ dataDir });
  const hash = createKeyedHash(Buffer.from(INSTANCE_KEY, 'utf8'));
  const suppliers = createSuppliers({ store: storage.suppliers, audit: storage.audit, hash, clock: systemClock });
  const keys: string[] = [];
  for (const name of ['Voltia', 'Lumen']) {
    const { secretKey } = await suppliers.create(name, 'chaos');
    keys.push(secretKey.reveal());
  }
  await storage.close();
  return keys;
}

/** The counters of invariant I11 in the text of `/metrics`. */
function readCounts(text: string): MessageCounts {
  const sum = (name: string): number => {
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    if (lines.length === 0) throw new Error(`/metrics has no ${name}`);
    return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  };
  return {
    received: sum('gridmoor_messages_received_total'),
    outcomes: sum('gridmoor_messages_total'),
    inFlight: sum('gridmoor_messages_in_flight'),
  };
}
