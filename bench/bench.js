import { describeMachine } from './machine.js';
import { UsageError } from './options.js';
import { descriptorLimit } from './proc.js';
import { summarize } from './report.js';
import { runAll } from './runner.js';

/** Descriptors a process needs besides its connections. */
const SPARE_DESCRIPTORS = 500;

/**
 * Runs the benchmark and gives the whole document that --json prints.
 * @param {import('./options.js').Options} options
 * @param {(line: string) => void} say  Progress, one line at a time.
 */
export async function bench(options, say) {
  const most = descriptorLimit() - SPARE_DESCRIPTORS;
  if ((options.connections ?? 0) > most) {
    throw new UsageError(`--connections can be at most ${most} here: ulimit -n allows ${descriptorLimit()} files.`);
  }
  const probed = options.targets.map((target) => ({ target, ...target.probe() }));
  for (const { target, missing } of probed) if (missing) say(`${target.name}: left out, ${missing}`);
  const present = probed.filter((probe) => !probe.missing).map((probe) => probe.target);
  const machine = describeMachine(options.directory);
  const runs = await runAll(options, present, (run) => {
    const cpuUs = run.outcome?.measurement.cpuUs;
    const result = run.error ?? `${cpuUs?.toFixed(2)} us CPU each, ${run.outcome?.failures} failures`;
    say(`${run.repeat}/${options.repeat} ${run.scenario} ${run.target}: ${result}`);
  });
  return {
    machine,
    settings: {
      seconds: options.seconds,
      warmupSeconds: options.warmupSeconds,
      repeat: options.repeat,
      messages: options.messages,
      connections: options.connections ?? null,
      rate: options.rate,
    },
    targets: probed.map(({ target, version, missing }) => ({
      name: target.name,
      version: version ?? null,
      settings: target.settings,
      missing: missing ?? null,
    })),
    rows: summarize(runs),
    runs,
  };
}
