// Cost of one run of a chain script, reading the message and checking the result included, beside the same text as a plain
// JavaScript function between JSON.parse and JSON.stringify (what a sandbox of another realm has to do at least).
// Usage: node bench/script.js [runs]   (needs `npm run build`)
import { createContext, runInContext } from 'node:vm';
import { compileScript } from '../dist/rules/script/index.js';

const BUDGET_NS = 5_000;
const runs = Number(process.argv[2] ?? 300_000);

const TRANSFORM = `
  var kw = msg.power / 1000;
  msg.powerKw = Math.round(kw * 100) / 100;
  if (msg.voltage < 207 || msg.voltage > 253) { metadata.alarm = 'voltage'; }
  metadata.site = metadata.deviceName.substring(0, 5).toUpperCase();
  delete msg.power;
  return { msg: msg, metadata: metadata, msgType: msgType };`;
const LOOP = `
  var sum = 0;
  for (var i = 0; i < msg.samples.length; i++) { sum += msg.samples[i]; }
  return { msg: { mean: sum / msg.samples.length } };`;
const FILTER = "return msg.voltage > 207 && msg.voltage < 253 && metadata.deviceType === 'smart-meter';";

const msg = {
  id: 'm',
  ts: 1,
  type: 'POST_TELEMETRY_REQUEST',
  originator: { entityType: 'DEVICE', id: '1', name: 'meter-1', profile: 'smart-meter' },
  metadata: { deviceName: 'meter-1', deviceType: 'smart-meter', ts: '1750000000000' },
  data: { power: 2301, voltage: 231.4, samples: [231, 232, 230, 229, 231, 233, 230, 231, 232, 230] },
};

function script(text) {
  const compiled = compileScript(text);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.script;
}

function plain(text) {
  const run = runInContext(`(function (msg, metadata, msgType) {${text}})`, createContext({}));
  return () => {
    const [data, metadata] = [JSON.parse(JSON.stringify(msg.data)), JSON.parse(JSON.stringify(msg.metadata))];
    return JSON.parse(JSON.stringify(run(data, metadata, msg.type)));
  };
}

function measure(work) {
  const began = process.cpuUsage();
  for (let index = 0; index < runs; index++) work();
  const used = process.cpuUsage(began);
  return ((used.user + used.system) * 1000) / runs;
}

const transform = script(TRANSFORM);
const loop = script(LOOP);
const filter = script(FILTER);
const subjects = {
  transform: [() => transform.transform(msg, 1), plain(TRANSFORM)],
  loop: [() => loop.transform(msg, 1), plain(LOOP)],
  filter: [() => filter.test(msg, 1), plain(FILTER)],
};
let ok = true;
for (const [name, works] of Object.entries(subjects)) {
  for (const work of works) measure(work);
  const rounds = [0, 1, 2].map(() => works.map(measure));
  const [ours, plainJs] = [0, 1].map((side) => Math.round(Math.min(...rounds.map((round) => round[side]))));
  ok &&= ours <= BUDGET_NS;
  console.log(
    JSON.stringify({ bench: 'script', script: name, runs, cpuNsPerRun: ours, plainJsNs: plainJs, budgetNs: BUDGET_NS }),
  );
}
process.exitCode = ok ? 0 : 1;
