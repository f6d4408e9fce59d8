import { setTimeout as delay } from 'node:timers/promises';
import { apiClient, preparedDevices } from './api.js';
import { inParallel } from './connection.js';
import { Meter } from './meter.js';
import { subscriber } from './subscriber.js';

const ALL_WITHIN_MS = 60_000;
const AT_ONCE = 50;
const FIRST = { upload_interval_s: 60 };
const SECOND = { upload_interval_s: 30 };

/**
 * One writer that tells each device a value of its own: over gridmoor's API, where it is stored too, or as a client of the
 * broker.
 * @param {import('./worker.js').Job} job
 * @param {(reason: Error) => void} onLost
 */
async function writer(job, onLost) {
  if (job.api) {
    const client = apiClient(job.api);
    const ids = await preparedDevices(client);
    return {
      close: client.close,
      write: (/** @type {number} */ i, /** @type {unknown} */ values) =>
        client.call('POST', `/api/plugins/telemetry/${ids[i]}/SHARED_SCOPE`, values),
    };
  }
  const who = { clientId: 'bench-writer', userName: 'bench-writer', index: 0, filter: 'devices/writer', onLost };
  const client = await subscriber(job, who, () => {});
  return {
    close: client.close,
    write: async (/** @type {number} */ i, /** @type {unknown} */ values) => {
      client.publish(`devices/${i}/attributes`, JSON.stringify(values));
    },
  };
}

/**
 * A new value for every device, and each of them gets its own.
 * @param {import('./worker.js').Job} job
 * @param {string[]} users
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runPush(job, users) {
  const meter = new Meter(job);
  /** @type {string[]} */
  const problems = [];
  const onLost = (/** @type {Error} */ reason) => problems.push(reason.message);
  const sentAt = new Float64Array(users.length);
  let got = 0;
  /** @type {{ close: () => void }[]} */
  const open = [];
  await inParallel(users.length, 100, async (i) => {
    const filter = job.api ? 'v1/devices/me/attributes' : `devices/${i}/attributes`;
    const who = { clientId: `bench-${i}`, userName: users[i] ?? '', index: i, filter, onLost };
    const device = await subscriber(job, who, () => {
      meter.latency.add(performance.now() - (sentAt[i] ?? 0));
      got++;
    });
    open.push(device);
  });
  const client = await writer(job, onLost);
  /** @param {number} count @param {unknown} values */
  const writeTo = async (count, values) => {
    got = 0;
    await inParallel(count, AT_ONCE, async (i) => {
      sentAt[i] = performance.now();
      await client.write(i, values).catch(onLost);
    });
    for (const end = performance.now() + ALL_WITHIN_MS; got < count && performance.now() < end; ) await delay(5);
  };
  await writeTo(Math.ceil(users.length / 4), FIRST);
  meter.start();
  await writeTo(users.length, SECOND);
  const measurement = meter.stop(got);
  const missing = users.length - got;
  if (missing > 0) problems.push(`${missing} devices did not get their value.`);
  client.close();
  for (const device of open) device.close();
  return { measurement, failures: problems.length, problems };
}
