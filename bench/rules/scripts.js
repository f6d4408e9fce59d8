// Scripts of chains, and the same text as plain JavaScript between JSON.parse and JSON.stringify: what a sandbox of
// another realm has to do at least.
import { createContext, runInContext } from 'node:vm';
import { compileScript } from '../../dist/rules/script/index.js';

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

/** @param {string} text */
function script(text) {
  const compiled = compileScript(text);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.script;
}

/** @param {string} text */
function plain(text) {
  const run = runInContext(`(function (msg, metadata, msgType) {${text}})`, createContext({}));
  return () => {
    const [data, metadata] = [JSON.parse(JSON.stringify(msg.data)), JSON.parse(JSON.stringify(msg.metadata))];
    return JSON.parse(JSON.stringify(run(data, metadata, msg.type)));
  };
}

/** Each with reading the message and checking the result. */
export function scriptWorks() {
  const [transform, loop, filter] = [TRANSFORM, LOOP, FILTER].map(script);
  return [
    { name: 'script: transform', ours: () => transform.transform(msg, 1), plain: plain(TRANSFORM) },
    { name: 'script: loop of ten', ours: () => loop.transform(msg, 1), plain: plain(LOOP) },
    { name: 'script: filter', ours: () => filter.test(msg, 1), plain: plain(FILTER) },
  ];
}
