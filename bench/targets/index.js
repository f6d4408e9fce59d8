import { aedes } from './aedes.js';
import { gridmoor, gridmoorRedis } from './gridmoor.js';
import { mosquitto } from './mosquitto.js';
import { mosquittoConsumer } from './mosquitto-consumer.js';
import { nats } from './nats.js';
import { nodeRed } from './node-red.js';
import { rabbitmq } from './rabbitmq.js';

/**
 * @typedef {object} RunningTarget
 * @property {number} pid
 * @property {number[]} [morePids]  Processes whose work counts as the server's, too.
 * @property {number} [storePid]  The store beside it, counted apart.
 * @property {{ port: number }} [stored]  Redis that a consumer behind the server writes each message to.
 * @property {string} [storedTopic]  Where devices hear that their message is stored, when an acknowledgement does not say it.
 * @property {string} [topic]  Of telemetry, `{user}` for the user name, where a login says nothing of a device.
 * @property {{ userName: string, password: string }} [login]  When all devices share one.
 * @property {{ port: number, adminKey: string }} [api]  The management API that calls devices.
 * @property {import('../load/connection.js').Address} address
 * @property {() => Promise<boolean>} stop  True when the process ended by itself when asked to.
 * @property {() => string | undefined} diagnose  What it said last, when it ended unasked.
 * @property {{ key: string, secret: string }} [provision]  Set when devices must provision before they connect.
 * @property {(outcome: import('../load/worker.js').Outcome) => Promise<string[]>} [verify]  What the server itself
 *   says against the outcome; asked after the run.
 * @property {string} [adminKey]
 *
 * @typedef {object} Target
 * @property {string} name
 * @property {string} settings  As printed.
 * @property {readonly import('../scenarios.js').Kind[]} kinds  Scenarios that it can do.
 * @property {boolean} [onlyAcknowledged]  No QoS 0.
 * @property {() => { version: string, missing?: undefined } | { version?: undefined, missing: string }} probe
 * @property {(directory: string, options: StartOptions) => Promise<RunningTarget>} start
 *
 * @typedef {object} StartOptions
 * @property {import('../scenarios.js').ScenarioName} scenario
 * @property {RunningTarget} [kept]  An earlier start on the same directory, whose secrets hold.
 */

/** @type {readonly Target[]} */
export const TARGETS = [gridmoor, gridmoorRedis, aedes, mosquitto, mosquittoConsumer, nodeRed, rabbitmq, nats];
