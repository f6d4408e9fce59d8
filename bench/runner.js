import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inMemory } from './machine.js';
import { SCENARIOS } from './scenarios.js';

const WORKER = fileURLToPath(new URL('./load/worker.js', import.meta.url));
/** Added to warm-up and window: connecting, provisioning, draining. */
const JOB_SLACK_MS = 180_000;

/**
 * @typedef {object} Run
 * @property {import('./scenarios.js').ScenarioName} scenario
 * @property {string} target
 * @property {number} repeat
 * @property {import('./load/worker.js').Outcome} [outcome]
 * @property {string} [error]  Why there is no outcome.
 */

/**
 * Lets a load generator of its own do one job.
 * @param {import('./load/worker.js').Job} job
 * @returns {Promise<any>}
 */
export function generate(job) {
  return new Promise((resolve, reject) => {
    const worker = fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const end = () => worker.kill('SIGKILL');
    process.once('exit', end);
    const timer = setTimeout(end, (job.warmupSeconds + job.seconds) * 1000 + JOB_SLACK_MS);
    worker.once('message', (/** @type {{ result?: unknown, error?: string }} */ message) => {
      if (message.error) reject(new Error(message.error));
      else resolve(message.result);
    });
    worker.once('exit', (code, signal) => {
      clearTimeout(timer);
      process.off('exit', end);
      reject(new Error(`The load generator ended with ${signal ?? `code ${code}`} and no result.`));
    });
    worker.send(job);
  });
}

/**
 * What the load generator is told of a server.
 * @param {import('./targets/index.js').RunningTarget} server
 */
function loadOf({ pid, morePids, storePid, stored, storedTopic, topic, login, api, provision }) {
  return { pid, morePids, storePid, stored, storedTopic, topic, login, api, provision };
}

/**
 * One target under one scenario, from an empty directory to the end of its process. Where devices need credentials,
 * they are provisioned first and the server is started again, so that each window begins with a fresh process.
 * @param {import('./targets/index.js').Target} target
 * @param {import('./scenarios.js').ScenarioName} scenario
 * @param {import('./options.js').Options} options
 * @returns {Promise<import('./load/worker.js').Outcome>}
 */
async function measure(target, scenario, options) {
  const shape = SCENARIOS[scenario];
  if (!shape) throw new Error(`There is no scenario ${scenario}.`);
  const connections = shape.fallback === undefined ? (shape.connections ?? 0) : (options.connections ?? shape.fallback);
  const place = shape.memory ? inMemory() : options.directory;
  if (place === undefined) throw new Error('There is no /dev/shm here, where data would be in memory.');
  const directory = mkdtempSync(join(place, 'gridmoor-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  let server = await target.start(directory, { scenario });
  const jobFor = (/** @type {import('./load/worker.js').Job['scenario']} */ name) => ({
    scenario: name,
    address: server.address,
    ...loadOf(server),
    seconds: options.seconds,
    warmupSeconds: options.warmupSeconds,
    connections,
    ...(shape.paced ? {} : { messages: options.messages }),
    rate: options.rate,
  });
  try {
    /** @type {string[] | undefined} */
    let users;
    if (server.provision && shape.kind !== 'provision') {
      users = await generate(jobFor('prepare'));
      if (!(await server.stop())) throw new Error(`${target.name} did not end when asked to.`);
      server = await target.start(directory, { scenario, kept: server });
    }
    const outcome = await generate({ ...jobFor(scenario), ...(users ? { users } : {}) });
    outcome.problems.push(...((await server.verify?.(outcome)) ?? []));
    return outcome;
  } catch (error) {
    const why = server.diagnose();
    throw why ? new Error(`${/** @type {Error} */ (error).message} ${why}`) : error;
  } finally {
    await server.stop();
    process.off('exit', remove);
    remove();
  }
}

/**
 * Whether the target can do what the scenario asks; two that do the same work behind another broker are measured at QoS 1.
 * @param {import('./targets/index.js').Target} target
 * @param {import('./scenarios.js').ScenarioName} scenario
 */
function runs({ kinds, onlyAcknowledged }, scenario) {
  const shape = SCENARIOS[scenario];
  return shape !== undefined && kinds.includes(shape.kind) && !(onlyAcknowledged && (shape.perAck ?? 1) > 1);
}

/**
 * All runs, interleaved: each repeat visits every scenario and target, beginning with another target each time, so
 * that a drift of the machine meets all alike. A run that fails is reported and the others go on.
 * @param {import('./options.js').Options} options
 * @param {import('./targets/index.js').Target[]} targets  Those that are there.
 * @param {(run: Run) => void} onRun
 */
export async function runAll(options, targets, onRun) {
  /** @type {Run[]} */
  const all = [];
  for (let repeat = 1; repeat <= options.repeat; repeat++) {
    const first = (repeat - 1) % targets.length;
    const order = [...targets.slice(first), ...targets.slice(0, first)];
    for (const scenario of options.scenarios) {
      for (const target of order) {
        if (!runs(target, scenario)) continue;
        /** @type {Run} */
        const run = { scenario, target: target.name, repeat };
        try {
          run.outcome = await measure(target, scenario, options);
        } catch (error) {
          run.error = /** @type {Error} */ (error).message;
        }
        all.push(run);
        onRun(run);
      }
    }
  }
  return all;
}
