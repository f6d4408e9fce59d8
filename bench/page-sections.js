import { SCENARIO_NAMES } from './scenarios.js';

const CPU = /** @type {const} */ ('cpuUs');

/** @param {RegExp} pattern */
const named = (pattern) => SCENARIO_NAMES.filter((name) => pattern.test(name));

/**
 * @typedef {object} Section
 * @property {string} title
 * @property {string} words
 * @property {string[]} scenarios
 * @property {{ file: string, title: string, value: 'cpuUs' | 'p99Ms' | 'kibPerConnection' }} [chart]
 */

/** The page below its budgets, in this order. @type {Section[]} */
export const SECTIONS = [
  {
    title: 'Telemetry',
    words: 'Devices that send as fast as the server lets them: many messages on the way, or one at a time.',
    scenarios: ['qos1', 'qos1-window1', 'qos0'],
    chart: { file: 'telemetry', title: 'Server CPU for a message of telemetry, us', value: CPU },
  },
  {
    title: 'Latency at half load',
    words:
      'From PUBLISH to PUBACK at half of the rate that the same server carried just before from 200 connections with one message ' +
      'under way on each. Where other processes want the same two cores, most of it is the wait for one. A server that stores also ' +
      'waits for the disk, whose own times stand above; with data in memory that wait is gone.',
    scenarios: ['half-load', 'half-load-memory'],
    chart: { file: 'half-load', title: 'PUBLISH to PUBACK at half load, 99th percentile, ms', value: 'p99Ms' },
  },
  {
    title: 'Latency at a steady rate',
    words: 'From PUBLISH to PUBACK at 4,000 messages a second from 50 connections, whatever the server could carry.',
    scenarios: ['qos1-rate'],
    chart: {
      file: 'steady-rate',
      title: 'PUBLISH to PUBACK at 4,000 messages a second, 99th percentile, ms',
      value: 'p99Ms',
    },
  },
  {
    title: 'Now and then a message',
    words:
      '200 messages a second from 50 connections are what 180,000 meters send that report every quarter of an hour. Each comes alone: it shares ' +
      'neither the waking of a process nor a write to the disk with another.',
    scenarios: ['qos1-sparse'],
    chart: { file: 'sparse', title: 'Server CPU for a message, 200 a second, us', value: CPU },
  },
  {
    title: 'Known to be stored',
    words:
      'A PUBACK of gridmoor says that the message is stored. Behind a plain broker it says nothing of the kind: many messages may wait for ' +
      'the consumer, which then stores them together. Here its devices wait until it tells them, as one that must not lose a reading has to.',
    scenarios: named(/^stored-/),
    chart: { file: 'stored', title: 'Server CPU for a message that is known to be stored, us', value: CPU },
  },
  {
    title: 'Values in a message',
    words: 'Each value is stored under its own key, as latest value and in the history.',
    scenarios: named(/^values-/),
    chart: { file: 'values', title: 'Server CPU for a message of 1, 4 and 20 values, us', value: CPU },
  },
  {
    title: 'Length of the rule chain',
    words: 'Field checks, conditions, keys set, renamed and deleted in turn; the last node stores.',
    scenarios: named(/^chain-/),
    chart: { file: 'chain', title: 'Server CPU for a message, by nodes of the chain, us', value: CPU },
  },
  {
    title: 'Few and many connections',
    words: 'With 10,000 connections a message is in a read of its own, and the turn of the next comes late.',
    scenarios: named(/^(qos1|qos1-window1|qos0)-\d+$/),
    chart: { file: 'connections', title: 'Server CPU for a message, by connections, us', value: CPU },
  },
  {
    title: 'Provisioning',
    words:
      'A new device from TCP connect to its credentials, stored durably; bare aedes answers a constant and stores nothing.',
    scenarios: ['provision'],
  },
  {
    title: 'Connecting',
    words:
      'All devices at once, to a server just started, and back after all were dropped. What an idle connection holds in memory.',
    scenarios: ['connect', 'herd', 'idle'],
    chart: { file: 'connect', title: 'Server CPU for a connection, us', value: CPU },
  },
  {
    title: 'Calls and attributes',
    words:
      "gridmoor is called over its HTTP API, finds the device, passes on and audits or stores; at the others a client writes to the device's topic.",
    scenarios: ['rpc', 'push'],
  },
  {
    title: 'Stored history',
    words: 'Over the HTTP API: two values every 15 minutes for a year (35,040 readings), ten queries under way.',
    scenarios: named(/^history-/),
  },
];
