import { setTimeout as delay } from 'node:timers/promises';
import { rssBytes } from '../proc.js';
import { Connection, inParallel } from './connection.js';
import { Meter } from './meter.js';

/** Memory is read after each of these parts of the connections stands. */
const IDLE_STEPS = 5;
const SETTLE_MS = 1000;
/** A device that is not back after this long has failed. */
const HERD_WITHIN_MS = 60_000;

/**
 * Slope of the least-squares line through the points.
 * @param {{ x: number, y: number }[]} points
 */
function slope(points) {
  const meanX = points.reduce((sum, point) => sum + point.x, 0) / points.length;
  const meanY = points.reduce((sum, point) => sum + point.y, 0) / points.length;
  const over = points.reduce((sum, point) => sum + (point.x - meanX) * (point.y - meanY), 0);
  return over / points.reduce((sum, point) => sum + (point.x - meanX) ** 2, 0);
}

/**
 * Connects the users from `from` to `to - 1`, `parallel` at a time, and notes how long each CONNACK took.
 * @param {import('./worker.js').Job} job
 * @param {string[]} users
 * @param {{ from: number, to: number, parallel: number, withinMs?: number }} range
 * @param {Meter} meter
 * @param {(reason: Error) => void} onLost  Refused, failed or dropped later.
 */
async function connectUsers(job, users, { from, to, parallel, withinMs }, meter, onLost) {
  /** @type {Connection[]} */
  const open = [];
  await inParallel(to - from, parallel, async (offset) => {
    const index = from + offset;
    const startedAt = performance.now();
    const connection = new Connection({
      address: job.address,
      clientId: `bench-${index}`,
      userName: users[index] ?? '',
      login: job.login,
      index,
      onLost,
    });
    const timer = withinMs
      ? setTimeout(() => connection.socket.destroy(new Error(`No CONNACK within ${withinMs} ms.`)), withinMs)
      : undefined;
    try {
      await connection.connected;
      meter.latency.add(performance.now() - startedAt);
      open.push(connection);
    } catch (error) {
      onLost(/** @type {Error} */ (error));
    } finally {
      clearTimeout(timer);
    }
  });
  return open;
}

/**
 * Connections that do nothing: memory for each, and that all stay.
 * @param {import('./worker.js').Job} job
 * @param {string[]} users
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runIdle(job, users) {
  const meter = new Meter(job);
  const pids = [job.pid, ...(job.morePids ?? [])];
  /** @type {Error[]} */
  const lost = [];
  /** @type {Connection[]} */
  const open = [];
  /** @type {{ x: number, y: number }[]} */
  const memory = [];
  const emptyBytes = rssBytes(...pids);
  meter.start();
  for (let step = 1; step <= IDLE_STEPS; step++) {
    const to = Math.round((users.length * step) / IDLE_STEPS);
    const range = { from: open.length + lost.length, to, parallel: 50 };
    open.push(...(await connectUsers(job, users, range, meter, (reason) => lost.push(reason))));
    await delay(SETTLE_MS);
    memory.push({ x: open.length, y: rssBytes(...pids) });
  }
  const measurement = meter.stop(open.length);
  // The settling pauses are no part of the rates.
  const connecting = measurement.seconds - (IDLE_STEPS * SETTLE_MS) / 1000;
  measurement.perSecond = open.length / connecting;
  measurement.generatorBusy *= measurement.seconds / connecting;
  measurement.seconds = connecting;
  const grown = rssBytes(...pids) - emptyBytes;
  await delay(job.seconds * 1000);
  for (const connection of open) connection.drop();
  const problems = lost.map((reason) => reason.message);
  const kibPerConnection = grown / 1024 / open.length;
  return { measurement, failures: lost.length, problems, kibPerConnection, kibSlope: slope(memory) / 1024 };
}

/**
 * All devices come in the same instant; `again`: they were connected before and lost their connection.
 * @param {import('./worker.js').Job} job
 * @param {string[]} users
 * @param {boolean} again
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runHerd(job, users, again) {
  const meter = new Meter(job);
  /** @type {Error[]} */
  const lost = [];
  const onLost = (/** @type {Error} */ reason) => lost.push(reason);
  const all = { from: 0, to: users.length };
  const before = again ? await connectUsers(job, users, { ...all, parallel: 100 }, meter, onLost) : [];
  await delay(SETTLE_MS);
  meter.start();
  for (const connection of before) connection.drop();
  const herd = { ...all, parallel: users.length, withinMs: HERD_WITHIN_MS };
  const back = await connectUsers(job, users, herd, meter, onLost);
  const measurement = meter.stop(back.length);
  for (const connection of back) connection.drop();
  const problems = lost.map((reason) => reason.message);
  return { measurement, failures: lost.length, problems, allBackSeconds: measurement.seconds };
}
