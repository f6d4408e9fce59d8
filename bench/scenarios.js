/**
 * What can be measured. `connections: undefined` takes `--connections`, or `fallback` without it.
 * A telemetry sender keeps at most `window` blocks of `perAck` messages unacknowledged; a paced one sends single
 * messages at `--rate`.
 */
export const SCENARIOS = /** @type {const} */ ({
  qos1: {
    kind: 'telemetry',
    title: 'QoS 1 telemetry, 50 connections, window 50',
    unit: 'message',
    connections: 50,
    window: 50,
    perAck: 1,
  },
  qos0: {
    kind: 'telemetry',
    title: 'QoS 0 telemetry, 50 connections, every 100th message QoS 1, at most 500 in flight each',
    unit: 'message',
    connections: 50,
    window: 5,
    perAck: 100,
  },
  'qos1-window1': {
    kind: 'telemetry',
    title: 'QoS 1 telemetry, 200 connections, window 1',
    unit: 'message',
    connections: 200,
    window: 1,
    perAck: 1,
  },
  'qos1-rate': {
    kind: 'telemetry',
    title: 'QoS 1 telemetry at a steady rate (--rate), 50 connections',
    unit: 'message',
    connections: 50,
    window: 50,
    perAck: 1,
    paced: true,
  },
  provision: {
    kind: 'provision',
    title: 'Provisioning, TCP connect to answer, 50 parallel',
    unit: 'device',
    connections: 0,
  },
  idle: { kind: 'idle', title: 'Idle connections', unit: 'connection', fallback: 3000 },
  herd: {
    kind: 'herd',
    title: 'Reconnect herd, all connections dropped and back at once',
    unit: 'connection',
    fallback: 2000,
  },
});

/** @typedef {keyof typeof SCENARIOS} ScenarioName */

export const SCENARIO_NAMES = /** @type {ScenarioName[]} */ (Object.keys(SCENARIOS));
