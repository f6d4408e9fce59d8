#!/usr/bin/env node
// What a message costs one broker and two, with the embedded store, on one Redis and on a Cluster of three; commands and bytes
// of Redis for each message. Needs `npm run build` and redis-server.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numberOption, readArguments, UsageError } from './options.js';
import { startRedis } from './redis-server.js';
import { median } from './report.js';
import { generate } from './runner.js';
import { SCENARIOS } from './scenarios.js';
import { start } from './targets/gridmoor.js';
import { orExit } from './usage.js';

/** @type {Record<string, { brokers: number, redis?: { clustered: boolean } }>} */
const SETUPS = {
  embedded: { brokers: 1 },
  redis: { brokers: 1, redis: { clustered: false } },
  'redis-2': { brokers: 2, redis: { clustered: false } },
  cluster: { brokers: 1, redis: { clustered: true } },
  'cluster-2': { brokers: 2, redis: { clustered: true } },
};
/** What a set-up is compared with. */
const ONE_BROKER = { 'redis-2': 'redis', 'cluster-2': 'cluster' };

const { scenarios, setups, seconds, messages, repeat, rate } = orExit(() => {
  const text = /** @type {const} */ ({ type: 'string' });
  const flags = readArguments(process.argv.slice(2), {
    scenario: text,
    setup: text,
    seconds: text,
    repeat: text,
    messages: text,
    rate: text,
  });
  const known = Object.keys(SCENARIOS).filter((name) => SCENARIOS[name].kind === 'telemetry');
  const scenarios = (flags.scenario ?? 'qos1,qos1-window1,qos1-rate').split(',');
  const setups = flags.setup?.split(',') ?? Object.keys(SETUPS);
  for (const [what, given, allowed] of [
    ['scenario', scenarios, known],
    ['setup', setups, Object.keys(SETUPS)],
  ]) {
    const wrong = given.find((name) => !allowed.includes(name));
    if (wrong !== undefined) throw new UsageError(`--${what} knows ${allowed.join(', ')}, not "${wrong}".`);
  }
  return {
    scenarios,
    setups,
    seconds: numberOption('seconds', flags.seconds, { fallback: 4, min: 0.5, max: 240 }),
    messages: numberOption('messages', flags.messages, { fallback: 40_000, min: 1, max: 1e8, whole: true }),
    repeat: numberOption('repeat', flags.repeat, { fallback: 3, min: 1, max: 100, whole: true }),
    rate: numberOption('rate', flags.rate, { fallback: 4000, min: 1, max: 1_000_000 }),
  };
});

/** One set-up under one load: from empty stores to the end of all processes, brokers started anew before the window. */
async function measure(setup, scenario) {
  const { brokers, redis: how } = SETUPS[setup];
  const { connections } = SCENARIOS[scenario];
  const directory = mkdtempSync(join(tmpdir(), 'gridmoor-bench-'));
  const redis = how && (await startRedis({ ...how, flushed: 'everysec' }));
  const settings = redis && {
    ...redis.settings,
    GRIDMOOR_SECRET_KEY: createHash('sha256').update(directory).digest('base64'),
  };
  const running = [];
  const run = async (count, kept) => {
    for (let i = 0; i < count; i++) running.push(await start(join(directory, String(i)), { kept }, settings));
  };
  const stop = () => Promise.all(running.splice(0).map((broker) => broker.stop()));
  const jobFor = (broker, name, count) => ({
    scenario: name,
    ...{ address: broker.address, pid: broker.pid, provision: broker.provision },
    ...{ seconds, warmupSeconds: 1, messages, connections: count, rate: rate / brokers },
  });
  try {
    await run(1);
    const [first] = running;
    const users = await generate(jobFor(first, 'prepare', connections));
    await stop();
    await run(brokers, first);
    const before = await redis?.numbers();
    const share = connections / brokers;
    const outcomes = await Promise.all(
      running.map((broker, i) =>
        generate({ ...jobFor(broker, scenario, share), users: users.slice(i * share, (i + 1) * share) }),
      ),
    );
    const after = await redis?.numbers();
    const problems = outcomes.flatMap((outcome) => outcome.problems);
    for (const [i, broker] of running.entries()) problems.push(...(await broker.verify(outcomes[i])));
    const sum = (of) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
    const count = sum(({ measurement }) => measurement.count);
    const sent = sum(({ messagesSent }) => messagesSent);
    return {
      problems,
      cpuUs: sum(({ measurement }) => measurement.cpuUs * measurement.count) / count,
      perSecond: sum(({ measurement }) => measurement.perSecond),
      // Redis is looked at over all messages, those of the warm-up too.
      redisUs: ((after?.cpuSeconds - before?.cpuSeconds) * 1e6) / sent,
      commands: (after?.commands - before?.commands) / sent,
      bytesIn: (after?.bytesIn - before?.bytesIn) / sent,
      bytesOut: (after?.bytesOut - before?.bytesOut) / sent,
    };
  } finally {
    await stop();
    await redis?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

// The servers are ended with this process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const show = (value, digits = 1) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : '-');
let failed = false;
for (const scenario of scenarios) {
  const runs = Object.fromEntries(setups.map((setup) => [setup, []]));
  for (let n = 0; n < repeat; n++) {
    // Each repeat begins with another, so that a machine that grows slower meets all alike.
    for (const setup of [...setups.slice(n % setups.length), ...setups.slice(0, n % setups.length)]) {
      const run = await measure(setup, scenario);
      process.stderr.write(`${scenario} ${setup}: ${run.cpuUs.toFixed(2)} us\n`);
      for (const problem of run.problems) process.stderr.write(`  ${problem}\n`);
      failed ||= run.problems.length > 0;
      runs[setup].push(run);
    }
  }
  const of = (setup, name) => median((runs[setup] ?? []).map((run) => run[name])) ?? Number.NaN;
  const rows = setups.map((setup) => ({
    setup,
    'CPU us': show(of(setup, 'cpuUs'), 2),
    'x embedded': show(of(setup, 'cpuUs') / of('embedded', 'cpuUs'), 2),
    // With a core each: how much more two carry than one.
    'carry x': show((2 * of(ONE_BROKER[setup], 'cpuUs')) / of(setup, 'cpuUs'), 2),
    'Redis us': show(of(setup, 'redisUs')),
    commands: show(of(setup, 'commands'), 2),
    'bytes in': show(of(setup, 'bytesIn'), 0),
    'bytes out': show(of(setup, 'bytesOut'), 0),
    'per s': show(of(setup, 'perSecond'), 0),
  }));
  process.stdout.write(`\n${scenario}: ${SCENARIOS[scenario].title}\n`);
  console.table(rows);
}
process.exitCode = failed ? 1 : 0;
