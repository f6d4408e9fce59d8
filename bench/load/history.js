import { setTimeout as delay } from 'node:timers/promises';
import { apiClient, preparedDevices } from './api.js';
import { Meter } from './meter.js';

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;
const READINGS = (365 * DAY_MS) / QUARTER_MS;
/** The year that is stored: its end is long past, whenever the benchmark runs. */
const END = Date.UTC(2026, 0, 1);
const START = END - READINGS * QUARTER_MS;
const BATCH = 960;
const KEYS = 'energy_import_wh,power_w';

/** A window lasts until so many were answered, too. */
const LEAST = 30;
const LEAST_WITHIN_MS = 30_000;
/** Under way at once. */
const AT_ONCE = 10;

/** What is asked of a device, under the same names as the scenarios. @type {Record<string, (n: number) => string>} */
const QUERIES = {
  'history-latest': () => '',
  'history-day': (n) => {
    const from = START + (n % 364) * DAY_MS;
    return `&startTs=${from}&endTs=${from + DAY_MS}&limit=96`;
  },
  'history-year': () => `&startTs=${START}&endTs=${END}&agg=AVG&interval=${DAY_MS}&limit=366`,
};

/**
 * A year of readings every quarter of an hour, over the API.
 * @param {ReturnType<typeof apiClient>} client
 * @param {string} id
 */
async function fill(client, id) {
  for (let first = 0; first < READINGS; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, READINGS - first) }, (_, i) => {
      const n = first + i;
      const power = Math.round((400 + 300 * Math.sin(n / 15)) * 10) / 10;
      return { ts: START + n * QUARTER_MS, values: { energy_import_wh: 1_000_000 + n * 100, power_w: power } };
    });
    await client.call('POST', `/api/plugins/telemetry/DEVICE/${id}/timeseries/ANY`, batch);
  }
}

/**
 * Queries of one device's history, over the API.
 * @param {import('./worker.js').Job} job
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runHistory(job) {
  if (!job.api) throw new Error('Only a server with a history can be asked for it.');
  const client = apiClient(job.api);
  const [id] = await preparedDevices(client);
  await fill(client, String(id));
  const meter = new Meter(job);
  const rest = QUERIES[job.scenario];
  if (!rest) throw new Error(`There is no query ${job.scenario}.`);
  /** @type {string[]} */
  const problems = [];
  let running = true;
  let finished = 0;
  const lane = async () => {
    for (let n = 0; running && problems.length === 0; n++) {
      const startedAt = performance.now();
      const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=${KEYS}${rest(n)}`;
      try {
        const answer = await client.call('GET', path);
        if (!Array.isArray(answer.power_w)) problems.push(`${path} answered no power_w.`);
        finished++;
        meter.latency.add(performance.now() - startedAt);
      } catch (error) {
        problems.push(/** @type {Error} */ (error).message);
      }
    }
  };
  const lanes = Promise.all(Array.from({ length: AT_ONCE }, lane));
  await delay(job.warmupSeconds * 1000);
  const before = finished;
  meter.start();
  await delay(job.seconds * 1000);
  for (const end = performance.now() + LEAST_WITHIN_MS; finished - before < LEAST && performance.now() < end; ) {
    await delay(5);
  }
  const measurement = meter.stop(finished - before);
  running = false;
  await lanes;
  client.close();
  return { measurement, failures: problems.length, problems };
}
