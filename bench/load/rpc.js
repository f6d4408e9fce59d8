import { setTimeout as delay } from 'node:timers/promises';
import { apiClient, preparedDevices } from './api.js';
import { inParallel } from './connection.js';
import { Meter } from './meter.js';
import { subscriber } from './subscriber.js';

const ANSWER_WITHIN_MS = 10_000;
const ANSWER = '{"relay":true}';

/**
 * Where a device gets calls and answers them: of its own connection at gridmoor, or of its number at a broker, whose
 * topics anybody may name.
 * @param {import('./worker.js').Job} job
 * @param {number} i
 */
const topicsOf = ({ api }, i) => (api ? 'v1/devices/me/rpc' : `devices/${i}/rpc`);

/**
 * Calls over gridmoor's API.
 * @param {NonNullable<import('./worker.js').Job['api']>} api
 */
async function apiCaller(api) {
  const client = apiClient(api);
  const ids = await preparedDevices(client);
  return {
    close: client.close,
    call: (/** @type {number} */ i, /** @type {unknown} */ body) =>
      client.call('POST', `/api/rpc/twoway/${ids[i]}`, body),
  };
}

/**
 * Calls by a client of the broker: a topic for each call, and one subscription to all answers.
 * @param {import('./worker.js').Job} job
 * @param {(reason: Error) => void} onLost
 */
async function brokerCaller(job, onLost) {
  /** @type {Map<string, (answer: unknown) => void>} */
  const waiting = new Map();
  let calls = 0;
  const who = {
    clientId: 'bench-caller',
    userName: 'bench-caller',
    index: 0,
    filter: 'devices/+/rpc/response/+',
    onLost,
  };
  const client = await subscriber(job, who, (topic, payload) => waiting.get(topic)?.(JSON.parse(payload)));
  return {
    close: client.close,
    async call(/** @type {number} */ i, /** @type {unknown} */ body) {
      const id = ++calls;
      const topic = `devices/${i}/rpc/response/${id}`;
      try {
        await new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error('A call was not answered in time.')), ANSWER_WITHIN_MS);
          waiting.set(topic, (answer) => {
            clearTimeout(timer);
            resolve(answer);
          });
          client.publish(`devices/${i}/rpc/request/${id}`, JSON.stringify(body));
        });
      } finally {
        waiting.delete(topic);
      }
    },
  };
}

/**
 * Calls to devices and back: one under way to each device.
 * @param {import('./worker.js').Job} job
 * @param {string[]} users
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runRpc(job, users) {
  const meter = new Meter(job);
  /** @type {string[]} */
  const problems = [];
  const onLost = (/** @type {Error} */ reason) => problems.push(reason.message);
  /** @type {{ close: () => void }[]} */
  const open = [];
  await inParallel(users.length, 50, async (i) => {
    const base = topicsOf(job, i);
    const who = { clientId: `bench-${i}`, userName: users[i] ?? '', index: i, filter: `${base}/request/+`, onLost };
    const device = await subscriber(job, who, (topic) => {
      device.publish(topic.replace('/request/', '/response/'), ANSWER);
    });
    open.push(device);
  });
  const caller = job.api ? await apiCaller(job.api) : await brokerCaller(job, onLost);
  let running = true;
  let finished = 0;
  const lanes = inParallel(users.length, users.length, async (i) => {
    for (let n = 0; running && problems.length < users.length; n++) {
      const startedAt = performance.now();
      try {
        await caller.call(i, { method: 'setRelay', params: { on: true, n }, timeout: ANSWER_WITHIN_MS });
        finished++;
        meter.latency.add(performance.now() - startedAt);
      } catch (error) {
        problems.push(/** @type {Error} */ (error).message);
      }
    }
  });
  await delay(job.warmupSeconds * 1000);
  const before = finished;
  meter.start();
  await delay(job.seconds * 1000);
  const measurement = meter.stop(finished - before);
  running = false;
  await lanes;
  caller.close();
  for (const device of open) device.close();
  return { measurement, failures: problems.length, problems };
}
