import { systemClock } from '../../src/model/clock.ts';
import { createKeyedHash } from '../../src/model/keyed-hash.ts';
import { createSuppliers } from '../../src/registry/suppliers.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { MessageCounts } from '../helpers/checker.ts';
import type { Trace } from '../helpers/journal.ts';
import { type JournalClient, type JournalHabits, startJournalClient } from '../helpers/journal-client.ts';
import { type FleetOptions, planFleet, SECRET_MARK } from '../helpers/journal-plan.ts';
import { eventually } from './eventually.ts';
import type { Needle } from './secret-scan.ts';

const INSTANCE_KEY = `${SECRET_MARK}-instance-key-0123456789abcdef`;
const ADMIN_KEY = `${SECRET_MARK}-admin-key-0123456789abcdef`;
const PROVISION_SECRET = `${SECRET_MARK}-provision-secret-0123456789`;

/** What every broker of a rig is started with. */
export const RIG_ENV = {
  GRIDMOOR_SECRET_KEY: INSTANCE_KEY,
  GRIDMOOR_ADMIN_KEY: ADMIN_KEY,
  PROVISION_SECRET_SMART_METER: PROVISION_SECRET,
  // All devices have one address here, and many lose races by design.
  GRIDMOOR_FREE_REFUSALS: '1000000',
  LOG_LEVEL: 'debug',
} as const;

/** However busy the machine is: how long a start takes is judged apart. */
export const START_MS = 60_000;

/** How the store is looked at afterwards. */
export const VIEW = { instanceKey: INSTANCE_KEY, telemetryKeys: ['seq', 'owner', 'exact'] } as const;

export type FleetPlan = Omit<FleetOptions, 'supplierKeys'> & JournalHabits;

export function startFleet(
  plan: FleetPlan,
  ports: readonly number[],
  supplierKeys: readonly string[],
): Promise<JournalClient> {
  const login = { provisionKey: 'smart-meter', provisionSecret: PROVISION_SECRET };
  return startJournalClient({ ...plan, ...login, ports, groups: planFleet({ ...plan, supplierKeys }) });
}

/** Suppliers that exist before the first start: their keys are known to the test alone. */
export async function makeSuppliers(open: () => Promise<Storage>): Promise<readonly string[]> {
  const storage = await open();
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

/** What may stand nowhere. At rest a supply point may stand in clear; in what people read it may not (cups.md 7). */
export function needlesOf(trace: Trace, supplierKeys: readonly string[]) {
  const keys = supplierKeys.map((text): Needle => ({ what: 'a supplier key', text }));
  const atRest: readonly Needle[] = [{ what: 'a planted secret', text: SECRET_MARK }, ...keys];
  const codes = [...trace.devices.values()].map(({ stem }): Needle => ({ what: 'a whole supply point', text: stem }));
  return { atRest, inOutput: [...atRest, ...codes] };
}

/** What `/readyz` says; `ready` when every check holds, also the advisory ones; `problem` joins those of the failed checks. */
export interface Readiness {
  /** Also when something is wrong that only an operator need know: `appendfsync everysec`, a file that is not valid. */
  readonly serves: boolean;
  readonly ready: boolean;
  readonly problem: string;
}

export async function readinessOf(url: string): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`);
  const { checks } = (await response.json()) as { checks: { ok: boolean; problem?: string }[] };
  const ready = checks.every(({ ok }) => ok);
  return { ready, serves: response.ok, problem: checks.flatMap(({ problem }) => problem ?? []).join('; ') };
}

/** Message counters of the process, once nothing is in flight any more. What it said is added to `scraped`. */
export function countsAtRest(url: string, scraped: string[]): Promise<MessageCounts> {
  return eventually(
    'nothing in flight',
    async () => {
      const counts = readCounts(await scrape(url, scraped));
      return counts.inFlight === 0 && counts;
    },
    10_000,
  );
}

async function scrape(url: string, scraped: string[]): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const text = await response.text();
  if (!response.ok) throw new Error(`/metrics answered ${response.status}: ${text.slice(0, 200)}`);
  scraped.push(...text.split('\n'));
  return text;
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
