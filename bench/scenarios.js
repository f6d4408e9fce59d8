/**
 * What can be measured. A telemetry sender keeps at most `window` blocks of `perAck` messages unacknowledged; a paced one sends
 * single messages at `--rate`, at its own `rate` when the server has been at full speed before, or at half of what it then carried
 * (`halfLoad`). `values`: of a message, 2 without it.
 * `fallback`: connections where `--connections` does not say how many.
 * @typedef {'telemetry' | 'stored' | 'provision' | 'idle' | 'connect' | 'herd' | 'rpc' | 'push' | 'chain' | 'history'} Kind
 *
 * @typedef {object} Scenario
 * @property {Kind} kind
 * @property {string} title
 * @property {string} unit
 * @property {number} [connections]
 * @property {number} [fallback]
 * @property {number} [window]
 * @property {number} [perAck]
 * @property {number} [values]
 * @property {boolean} [paced]
 * @property {boolean} [halfLoad]
 * @property {number} [rate]  Messages a second.
 * @property {boolean} [memory]  Data where no disk is waited for, whatever `--dir` says: what is left is the server's own.
 * @property {number} [chain]  Nodes of the root chain behind its switch by type.
 */

const telemetry = { kind: /** @type {const} */ ('telemetry'), unit: 'message', perAck: 1 };

/**
 * QoS 0 in blocks, the last message of each QoS 1; so many blocks unacknowledged on a connection.
 * @param {number} window
 * @param {number} perAck
 * @param {string} from
 */
const unacknowledged = (window, perAck, from) => ({
  ...telemetry,
  title: `QoS 0 telemetry, ${from}, every ${perAck}th message QoS 1, at most ${window * perAck} in flight each`,
  window,
  perAck,
});

/** @param {number} count */
const connectionsOf = (count) => `${count.toLocaleString('en')} ${count === 1 ? 'connection' : 'connections'}`;

/** The same load from few and from many connections. */
const spread = [1, 1_000, 10_000].flatMap((connections) => [
  [
    `qos1-${connections}`,
    {
      ...telemetry,
      title: `QoS 1 telemetry, ${connectionsOf(connections)}, window ${connections > 1000 ? 5 : 50}`,
      connections,
      // What is unacknowledged together stays what 1,000 connections have.
      window: connections > 1000 ? 5 : 50,
    },
  ],
  [
    `qos1-window1-${connections}`,
    {
      ...telemetry,
      title: `QoS 1 telemetry, ${connectionsOf(connections)}, window 1`,
      connections,
      window: 1,
    },
  ],
  [
    `qos0-${connections}`,
    {
      ...unacknowledged(connections > 1 ? 1 : 5, connections > 1000 ? 10 : 100, connectionsOf(connections)),
      connections,
    },
  ],
]);

/** Like telemetry with window 1, and the next message only when the device knows that the last one is stored. */
const stored = [1, 200].map((connections) => [
  `stored-${connections}`,
  {
    ...telemetry,
    kind: /** @type {const} */ ('stored'),
    title: `QoS 1 telemetry, ${connectionsOf(connections)}, the next message when the device knows that the last one is stored`,
    connections,
    window: 1,
  },
]);

const values = [1, 4, 20].map((count) => [
  `values-${count}`,
  {
    ...telemetry,
    title: `QoS 1 telemetry, 50 connections, window 50, ${count} ${count === 1 ? 'value' : 'values'} in a message`,
    connections: 50,
    window: 50,
    values: count,
  },
]);

const chains = [1, 5, 10, 20].map((count) => [
  `chain-${count}`,
  {
    ...telemetry,
    kind: 'chain',
    title: `QoS 1 telemetry through ${count} ${count === 1 ? 'node' : 'nodes'} of the root chain, 50 connections, window 50`,
    connections: 50,
    window: 50,
    chain: count,
  },
]);

const history = { kind: /** @type {const} */ ('history'), unit: 'query', connections: 1 };

const halfLoad = {
  ...telemetry,
  title: 'QoS 1 telemetry at half of what the server carries from 200 connections with window 1',
  connections: 200,
  window: 50,
  paced: true,
  halfLoad: true,
};

/** @type {Readonly<Record<string, Scenario>>} */
export const SCENARIOS = {
  qos1: { ...telemetry, title: 'QoS 1 telemetry, 50 connections, window 50', connections: 50, window: 50 },
  qos0: { ...unacknowledged(5, 100, '50 connections'), connections: 50 },
  'qos1-window1': { ...telemetry, title: 'QoS 1 telemetry, 200 connections, window 1', connections: 200, window: 1 },
  'qos1-rate': {
    ...telemetry,
    title: 'QoS 1 telemetry at a steady rate (--rate), 50 connections',
    connections: 50,
    window: 50,
    paced: true,
  },
  'qos1-sparse': {
    ...telemetry,
    title: 'QoS 1 telemetry, 200 messages a second, 50 connections',
    connections: 50,
    window: 50,
    paced: true,
    rate: 200,
  },
  'half-load': halfLoad,
  'half-load-memory': { ...halfLoad, title: `${halfLoad.title}, data in memory`, memory: true },
  ...Object.fromEntries(spread),
  ...Object.fromEntries(stored),
  ...Object.fromEntries(values),
  ...Object.fromEntries(chains),
  provision: { kind: 'provision', title: 'Provisioning, TCP connect to answer, 50 parallel', unit: 'device' },
  idle: { kind: 'idle', title: 'Idle connections', unit: 'connection', fallback: 3000 },
  connect: {
    kind: 'connect',
    title: 'Connect storm, all devices at once to a server just started',
    unit: 'connection',
    fallback: 2000,
  },
  herd: {
    kind: 'herd',
    title: 'Reconnect herd, all connections dropped and back at once',
    unit: 'connection',
    fallback: 2000,
  },
  rpc: { kind: 'rpc', title: 'Calls to 50 devices and their answers, 50 under way', unit: 'call', connections: 50 },
  push: {
    kind: 'push',
    title: 'A new shared attribute for each connected device',
    unit: 'update',
    fallback: 10_000,
  },
  'history-latest': { ...history, title: 'Latest values of a device' },
  'history-day': { ...history, title: 'A day of two values out of a year every 15 minutes' },
  'history-year': { ...history, title: 'Daily averages of two values over a year every 15 minutes' },
};

/** @typedef {string} ScenarioName */

export const SCENARIO_NAMES = Object.keys(SCENARIOS);
