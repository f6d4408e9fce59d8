/**
 * The load generator: a process of its own, so that its work is never counted as the server's.
 * It takes one job as an IPC message, answers it with one message, and ends.
 */

import { SCENARIOS } from '../scenarios.js';
import { runHerd, runIdle } from './connections.js';
import { runHistory } from './history.js';
import { madeUpUsers, prepareUsers, runProvision } from './provision.js';
import { runPush } from './push.js';
import { runRpc } from './rpc.js';
import { runTelemetry } from './telemetry.js';

/**
 * @typedef {object} Job
 * @property {import('../scenarios.js').ScenarioName | 'prepare'} scenario
 * @property {import('./connection.js').Address} address
 * @property {number} pid  The server's process.
 * @property {number[]} [morePids]  Processes whose work counts as the server's, too.
 * @property {number} [storePid]  The store beside it.
 * @property {{ port: number }} [stored]  Redis that a consumer behind the server writes to.
 * @property {string} [storedTopic]  Where a device hears that its message is stored, when the PUBACK does not say it.
 * @property {string} [topic]  Of telemetry; `{user}` stands for the user name.
 * @property {{ userName: string, password: string }} [login]  When all devices share one.
 * @property {{ port: number, adminKey: string }} [api]  The management API that calls devices; without it a client of the broker does.
 * @property {number} seconds
 * @property {number} warmupSeconds
 * @property {number} [messages]  Telemetry: the window lasts until so many are acknowledged, the warm-up until half as many are.
 * @property {number} connections
 * @property {number} rate  Messages a second of a paced scenario, all connections together.
 * @property {string[]} [users]  User names of devices; made up when missing.
 * @property {{ key: string, secret: string }} [provision]  Set when devices need credentials.
 *
 * @typedef {object} Outcome
 * @property {import('./meter.js').Measurement} measurement
 * @property {number} failures
 * @property {string[]} problems  Reasons of failures, repeated ones included.
 * @property {number} [kibPerConnection]  Growth of the server from no connection to all, shared out.
 * @property {number} [kibSlope]  What one more connection costs once some are there.
 * @property {number} [allBackSeconds]
 * @property {number} [messagesSent]  Acknowledged messages since the start, warm-up included.
 */

/** @type {Record<import('../scenarios.js').Kind, (job: Job, users: string[], shape: import('../scenarios.js').Scenario) => Promise<Outcome>>} */
const LOADS = {
  telemetry: runTelemetry,
  stored: runTelemetry,
  chain: runTelemetry,
  provision: runProvision,
  idle: runIdle,
  connect: (job, users) => runHerd(job, users, false),
  herd: (job, users) => runHerd(job, users, true),
  rpc: runRpc,
  push: runPush,
  history: runHistory,
};

/** @param {Job} job */
async function run(job) {
  if (job.scenario === 'prepare') return prepareUsers(job);
  const shape = SCENARIOS[job.scenario];
  if (!shape) throw new Error(`There is no scenario ${job.scenario}.`);
  return LOADS[shape.kind](job, job.users ?? (await madeUpUsers(job.connections)), shape);
}

process.once('message', async (/** @type {Job} */ job) => {
  try {
    process.send?.({ result: await run(job) }, () => process.exit(0));
  } catch (error) {
    process.send?.({ error: /** @type {Error} */ (error).message }, () => process.exit(1));
  }
});
