// The ten nodes of bench/rules/ten-nodes.js as a flow of Node-RED, and the process that runs it.
// Usage: node bench/rules/node-red-flow.js FOLDER MESSAGES   (FOLDER: where node-red is installed; bench/chain.js does it)
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MESSAGE } from './ten-nodes.js';

/** Messages under way at once: Node-RED hands each on in a turn of its own, so one alone would measure turns. */
const BATCH = 100;

/** Begins and ends the flow; `send` and `seen` are set by the bench. */
const ENDS = `module.exports = (RED) => {
  RED.nodes.registerType('bench-in', function (config) {
    RED.nodes.createNode(this, config);
    globalThis.bench.send = (msg) => this.send(msg);
  });
  RED.nodes.registerType('bench-out', function (config) {
    RED.nodes.createNode(this, config);
    this.on('input', (msg, send, done) => { globalThis.bench.seen(msg); done(); });
  });
};`;

const between = (property, low, high) => ({
  type: 'switch',
  property,
  propertyType: 'msg',
  rules: [{ t: 'btwn', v: String(low), vt: 'num', v2: String(high), v2t: 'num' }],
});
const present = (property) => ({ type: 'switch', property, propertyType: 'msg', rules: [{ t: 'nnull' }] });
const change = (...rules) => ({ type: 'change', rules });
const to = (p, value, tot = 'str') => ({ t: 'set', p, pt: 'msg', to: value, tot });

/** The same work, node by node; what one node of gridmoor asks of two fields takes two of Node-RED's, in one switch here. */
const STEPS = [
  { type: 'switch', property: 'topic', propertyType: 'msg', rules: [{ t: 'eq', v: MESSAGE.type, vt: 'str' }] },
  present('payload.voltage'),
  between('payload.voltage', 207, 253),
  change(to('payload.site', 'Zaragoza'), to('payload.meter', 'metadata.deviceName', 'msg')),
  change({ t: 'move', p: 'payload.power', pt: 'msg', to: 'payload.powerW', tot: 'msg' }),
  between('payload.powerW', 0, 10_000),
  present('payload.site'),
  change({ t: 'delete', p: 'payload.debug_heap', pt: 'msg' }),
  between('payload.voltage', 100, 300),
];

function flow() {
  const tab = { id: 'tab', type: 'tab', label: 'ten' };
  const node = (step, index) => ({ id: `n${index}`, z: 'tab', x: 0, y: 0, ...step, wires: [[`n${index + 1}`]] });
  return [tab, ...[{ type: 'bench-in' }, ...STEPS, { type: 'bench-out' }].map(node)];
}

async function main(folder, messages) {
  const userDir = join(folder, `user-${process.pid}`);
  mkdirSync(join(userDir, 'nodes'), { recursive: true });
  writeFileSync(join(userDir, 'nodes/bench-ends.js'), ENDS);
  writeFileSync(
    join(userDir, 'nodes/bench-ends.html'),
    ['bench-in', 'bench-out'].map((name) => `<script>RED.nodes.registerType('${name}',{})</script>`).join('\n'),
  );
  writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flow()));
  const bench = { send: undefined, seen: () => {} };
  globalThis.bench = bench;
  const RED = createRequire(join(folder, 'package.json'))('node-red');
  RED.init(createServer(), {
    httpAdminRoot: false,
    httpNodeRoot: false,
    userDir,
    flowFile: 'flows.json',
    logging: { console: { level: 'error', metrics: false, audit: false } },
  });
  await RED.start();
  while (bench.send === undefined) await new Promise((resolve) => setTimeout(resolve, 20));

  /** Sends so many messages, a batch at a time, and gives the CPU time of each, ns. */
  const run = (count) =>
    new Promise((resolve) => {
      const began = process.cpuUsage();
      let seen = 0;
      const batch = () => {
        for (let index = 0; index < BATCH; index++) {
          const { type, metadata, data } = MESSAGE;
          bench.send({ topic: type, metadata: { ...metadata }, payload: { ...data } });
        }
      };
      bench.seen = () => {
        seen++;
        if (seen >= count) {
          const used = process.cpuUsage(began);
          resolve(((used.user + used.system) * 1000) / seen);
        } else if (seen % BATCH === 0) batch();
      };
      batch();
    });

  const whole = Math.max(1, Math.round(messages / BATCH)) * BATCH;
  await run(whole);
  const rounds = [await run(whole), await run(whole), await run(whole)];
  console.log(JSON.stringify({ version: await RED.version(), cpuNsPerMessage: Math.round(Math.min(...rounds)) }));
  await RED.stop();
  rmSync(userDir, { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv[2] ?? '.', Number(process.argv[3] ?? 20_000));
  process.exit(0);
}
