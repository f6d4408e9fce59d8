import { SCENARIOS } from './scenarios.js';

/** What every ratio is taken against. */
const REFERENCE = 'aedes';

/**
 * @typedef {object} Row
 * @property {import('./scenarios.js').ScenarioName} scenario
 * @property {string} target
 * @property {number} runs
 * @property {number | null} cpuUs
 * @property {number | null} systemUs  The part of it in kernel mode.
 * @property {number | null} ratio  CPU against bare aedes, the median of the repeats.
 * @property {number | null} perSecond
 * @property {number | null} p50Ms
 * @property {number | null} p99Ms
 * @property {number | null} rssMiB
 * @property {number | null} kibPerConnection  Growth from no connection to all, shared out.
 * @property {number | null} kibSlope  What one more connection costs once some are there.
 * @property {number | null} allBackSeconds
 * @property {number | null} storeUs  CPU of the store beside it.
 * @property {number | null} generatorBusy
 * @property {number} failures  Of all runs together.
 * @property {string[]} problems  Each once.
 */

/** @param {(number | undefined)[]} values */
export function median(values) {
  const sorted = values
    .filter((value) => value !== undefined && Number.isFinite(value))
    .sort((a, b) => (a ?? 0) - (b ?? 0));
  if (sorted.length === 0) return null;
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/**
 * One row for each scenario and target: medians over its runs.
 * @param {import('./runner.js').Run[]} runs
 * @returns {Row[]}
 */
export function summarize(runs) {
  const keys = new Set(runs.map((run) => `${run.scenario} ${run.target}`));
  const rows = [...keys].map((key) => {
    const mine = runs.filter((run) => `${run.scenario} ${run.target}` === key);
    const outcomes = mine.flatMap((run) => (run.outcome ? [run.outcome] : []));
    const of = (/** @type {keyof import('./load/meter.js').Measurement} */ field) =>
      median(outcomes.map((outcome) => outcome.measurement[field]));
    const [first] = mine;
    if (!first) throw new Error(`No run for ${key}.`);
    return {
      scenario: first.scenario,
      target: first.target,
      runs: outcomes.length,
      cpuUs: of('cpuUs'),
      systemUs: of('systemUs'),
      ratio: /** @type {number | null} */ (null),
      perSecond: of('perSecond'),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      rssMiB: of('rssMiB'),
      kibPerConnection: median(outcomes.map((outcome) => outcome.kibPerConnection)),
      kibSlope: median(outcomes.map((outcome) => outcome.kibSlope)),
      allBackSeconds: median(outcomes.map((outcome) => outcome.allBackSeconds)),
      storeUs: of('storeUs'),
      generatorBusy: of('generatorBusy'),
      failures: outcomes.reduce((sum, outcome) => sum + outcome.failures, 0),
      problems: [
        ...new Set([
          ...outcomes.flatMap((outcome) => outcome.problems),
          ...mine.flatMap((run) => (run.error ? [run.error] : [])),
        ]),
      ],
    };
  });
  for (const row of rows) row.ratio = ratioOf(row, runs);
  return rows;
}

/**
 * Of each repeat against the reference of the same repeat: what else the machine did then struck both.
 * @param {Row} row
 * @param {import('./runner.js').Run[]} runs
 */
function ratioOf({ scenario, target }, runs) {
  const cpuOf = (/** @type {string} */ name, /** @type {number} */ repeat) =>
    runs.find((run) => run.scenario === scenario && run.target === name && run.repeat === repeat)?.outcome?.measurement
      .cpuUs;
  const repeats = runs.flatMap((run) => (run.scenario === scenario && run.target === target ? [run.repeat] : []));
  return median(
    repeats.map((repeat) => (cpuOf(target, repeat) ?? Number.NaN) / (cpuOf(REFERENCE, repeat) ?? Number.NaN)),
  );
}

/**
 * @param {number | null} value
 * @param {number} digits
 */
function show(value, digits) {
  if (value === null) return '-';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @type {(unit: string) => [title: string, cell: (row: Row) => string][]} */
export const columnsFor = (unit) => [
  ['target', (row) => row.target],
  [`CPU us/${unit}`, (row) => show(row.cpuUs, 2)],
  ['in kernel', (row) => show(row.systemUs, 2)],
  ['Redis us', (row) => show(row.storeUs, 2)],
  ['x aedes', (row) => show(row.ratio, 2)],
  [`${unit.replace(/y$/, 'ie')}s/s`, (row) => show(row.perSecond, 0)],
  ['p50 ms', (row) => show(row.p50Ms, 2)],
  ['p99 ms', (row) => show(row.p99Ms, 2)],
  ['RSS MiB', (row) => show(row.rssMiB, 0)],
  ['KiB/connection', (row) => show(row.kibPerConnection, 1)],
  ['slope KiB', (row) => show(row.kibSlope, 1)],
  ['all back s', (row) => show(row.allBackSeconds, 2)],
  ['generator', (row) => (row.generatorBusy === null ? '-' : `${show(row.generatorBusy * 100, 0)} %`)],
  ['failures', (row) => String(row.failures)],
];

/**
 * The table of one scenario, its problems below it.
 * @param {import('./scenarios.js').ScenarioName} scenario
 * @param {Row[]} rows
 */
function formatScenario(scenario, rows) {
  const { title, unit } = SCENARIOS[scenario] ?? { title: scenario, unit: 'message' };
  // A column that no row fills is left out.
  const columns = columnsFor(unit).filter(([, cell]) => rows.some((row) => cell(row) !== '-'));
  const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const table = lines.map((line) =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  '),
  );
  const problems = rows.flatMap((row) => row.problems.slice(0, 5).map((problem) => `  ${row.target}: ${problem}`));
  return [`${scenario}: ${title}`, ...table, ...problems].map((line) => `${line}\n`).join('');
}

/** @param {Row[]} rows */
export function formatTables(rows) {
  const scenarios = [...new Set(rows.map((row) => row.scenario))];
  return scenarios
    .map((name) =>
      formatScenario(
        name,
        rows.filter((row) => row.scenario === name),
      ),
    )
    .join('\n');
}
