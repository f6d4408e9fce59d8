/** @typedef {import('./report.js').Row} Row */
/** @typedef {(target: string) => Row | undefined} RowOf  Of one scenario. */

/**
 * @typedef {object} Budget
 * @property {string} what
 * @property {string} scenario
 * @property {number} [connections]
 * @property {readonly string[]} targets  Those that have to be measured for it.
 * @property {(row: RowOf) => number | null | undefined} of
 * @property {number} [most]
 * @property {number} [least]
 * @property {number} [goal]  What we want beyond it; said, and fails nothing.
 * @property {string} unit
 * @property {boolean} steady  Holds on a busy machine, too: CPU or memory, not time.
 */

/** @param {number | null | undefined} a @param {number | null | undefined} b */
const quotient = (a, b) => (a && b ? a / b : undefined);

/** What gridmoor may cost. Those of rule chains are with bench/chain.js, the start with bench/start.js. @type {readonly Budget[]} */
export const BUDGETS = [
  {
    what: 'CPU for a QoS 1 message, embedded store, against bare aedes',
    scenario: 'qos1',
    targets: ['gridmoor', 'aedes'],
    of: (row) => row('gridmoor')?.ratio,
    most: 2,
    goal: 1.5,
    unit: 'x',
    steady: true,
  },
  {
    what: 'CPU for a QoS 1 message, Redis, against the embedded store',
    scenario: 'qos1',
    targets: ['gridmoor', 'gridmoor-redis'],
    of: (row) => quotient(row('gridmoor-redis')?.cpuUs, row('gridmoor')?.cpuUs),
    most: 2,
    unit: 'x',
    steady: true,
  },
  {
    what: 'memory of an idle connection',
    scenario: 'idle',
    connections: 10_000,
    targets: ['gridmoor'],
    of: (row) => row('gridmoor')?.kibPerConnection,
    most: 25,
    unit: 'KiB',
    steady: true,
  },
  {
    what: 'PUBLISH to PUBACK at half load, 99 %, embedded store',
    scenario: 'half-load',
    targets: ['gridmoor'],
    of: (row) => row('gridmoor')?.p99Ms,
    most: 5,
    unit: 'ms',
    steady: false,
  },
  {
    what: 'PUBLISH to PUBACK at half load, 99 %, Redis',
    scenario: 'half-load',
    targets: ['gridmoor-redis'],
    of: (row) => row('gridmoor-redis')?.p99Ms,
    most: 10,
    unit: 'ms',
    steady: false,
  },
  {
    what: 'devices provisioned a second',
    scenario: 'provision',
    targets: ['gridmoor'],
    of: (row) => row('gridmoor')?.perSecond,
    least: 1_500,
    unit: '/s',
    steady: false,
  },
  {
    what: 'provisioning, TCP connect to answer, 99 %',
    scenario: 'provision',
    targets: ['gridmoor'],
    of: (row) => row('gridmoor')?.p99Ms,
    most: 100,
    unit: 'ms',
    steady: false,
  },
  {
    what: 'a herd of 10,000 devices, all back',
    scenario: 'herd',
    connections: 10_000,
    targets: ['gridmoor'],
    of: (row) => row('gridmoor')?.allBackSeconds,
    most: 10,
    unit: 's',
    steady: false,
  },
];

/** @param {number} value */
const shown = (value) => value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });

/**
 * A budget beside what was measured; undefined when it was not.
 * @param {Budget} budget
 * @param {readonly Row[]} rows
 */
export function judge({ what, scenario, of, most, least, goal, unit }, rows) {
  const value = of((target) => rows.find((row) => row.scenario === scenario && row.target === target));
  if (value === null || value === undefined || !Number.isFinite(value)) return undefined;
  const bound = most === undefined ? `at least ${shown(least ?? 0)}` : `at most ${shown(most)}`;
  return {
    what,
    measured: `${shown(value)} ${unit}`,
    bound: `${bound} ${unit}${goal === undefined ? '' : `, goal ${shown(goal)} ${unit}`}`,
    met: value <= (most ?? Number.POSITIVE_INFINITY) && value >= (least ?? 0),
  };
}

const RIVALS = ['mosquitto-consumer', 'node-red'];

/**
 * What does the same work must not be cheaper: one line for each scenario in which both were measured.
 * @param {readonly Row[]} rows
 */
export function judgeRivals(rows) {
  return rows.flatMap((theirs) => {
    if (!RIVALS.includes(theirs.target)) return [];
    const ours = rows.filter(
      ({ scenario, target }) => scenario === theirs.scenario && ['gridmoor', 'gridmoor-redis'].includes(target),
    );
    return ours.flatMap((mine) =>
      mine.cpuUs === null || theirs.cpuUs === null
        ? []
        : [
            {
              what: `\`${mine.scenario}\`: CPU of ${mine.target} against ${theirs.target}`,
              measured: `${shown(mine.cpuUs)} us`,
              bound: `at most ${shown(theirs.cpuUs)} us`,
              met: mine.cpuUs <= theirs.cpuUs,
            },
          ],
    );
  });
}
