import { aedes } from './aedes.js';
import { gridmoor, gridmoorRedis } from './gridmoor.js';
import { mosquitto } from './mosquitto.js';

/**
 * @typedef {object} RunningTarget
 * @property {number} pid
 * @property {import('../load/connection.js').Address} address
 * @property {() => Promise<boolean>} stop  True when the process ended by itself when asked to.
 * @property {() => string | undefined} diagnose  What it said last, when it ended unasked.
 * @property {{ key: string, secret: string }} [provision]  Set when devices must provision before they connect.
 * @property {(outcome: import('../load/worker.js').Outcome) => Promise<string[]>} [verify]  What the server itself
 *   says against the outcome; asked after the run.
 * @property {string} [adminKey]
 *
 * @typedef {object} Target
 * @property {'gridmoor' | 'gridmoor-redis' | 'aedes' | 'mosquitto'} name
 * @property {string} settings  As printed.
 * @property {boolean} provisions  Answers provisioning requests.
 * @property {() => { version: string, missing?: undefined } | { version?: undefined, missing: string }} probe
 * @property {(directory: string, options: StartOptions) => Promise<RunningTarget>} start
 *
 * @typedef {object} StartOptions
 * @property {import('../scenarios.js').ScenarioName} scenario
 * @property {RunningTarget} [kept]  An earlier start on the same directory, whose secrets hold.
 */

/** @type {readonly Target[]} */
export const TARGETS = [gridmoor, gridmoorRedis, aedes, mosquitto];
