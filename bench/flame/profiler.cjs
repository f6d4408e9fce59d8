/**
 * Loaded into the server by bench/flame.js: notes for `BENCH_PROFILE_MS` where the time of its main thread goes, from when
 * it has worked for a second, and writes that to `BENCH_PROFILE`.
 */
const { Session } = require('node:inspector');
const { writeFileSync } = require('node:fs');

const file = process.env.BENCH_PROFILE;
const lastsMs = Number(process.env.BENCH_PROFILE_MS);
/** CPU after which a process is no more occupied with its own start and compiling, ms. */
const WARM_MS = 3_000;

const session = new Session();
session.connect();

const watching = setInterval(() => {
  const { user, system } = process.cpuUsage();
  if ((user + system) / 1_000 < WARM_MS) return;
  clearInterval(watching);
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 250 });
  session.post('Profiler.start');
  setTimeout(stop, lastsMs).unref();
}, 100);
watching.unref();

function stop() {
  session.post('Profiler.stop', (error, result) => {
    if (error) throw error;
    writeFileSync(file, JSON.stringify(result.profile));
  });
}
