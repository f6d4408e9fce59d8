// Node-RED as a broker that stores: its aedes node, and a flow that parses, checks and stores each message.
// Usage: node bench/targets/node-red-broker.js INSTALLED_IN USER_DIR MQTT_PORT REDIS_PORT
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openStore } from './consumer-store.js';

const [folder = '.', userDir = '.', mqttPort = '', redisPort = ''] = process.argv.slice(2);

/** The node's messages carry aedes' packet; a client of the broker itself, as `mqtt in` is, would cost more. */
const PICK = `const { packet, client } = msg.payload;
if (!client || !packet.topic.startsWith('devices/')) return null;
return { topic: packet.topic, text: packet.payload.toString(), payload: packet.payload.toString() };`;
const SAVE = `global.get('store').write(msg.topic, msg.payload.values, msg.text);`;

const place = { z: 'tab', x: 0, y: 0 };
const FLOW = [
  { id: 'tab', type: 'tab', label: 'store' },
  {
    ...place,
    id: 'broker',
    type: 'aedes broker',
    mqtt_port: Number(mqttPort),
    mqtt_ws_bind: 'port',
    wires: [[], ['pick']],
  },
  { ...place, id: 'pick', type: 'function', func: PICK, outputs: 1, libs: [], wires: [['json']] },
  { ...place, id: 'json', type: 'json', property: 'payload', action: 'obj', wires: [['rule']] },
  {
    ...place,
    id: 'rule',
    type: 'switch',
    property: 'payload.values',
    propertyType: 'msg',
    rules: [{ t: 'istype', v: 'object', vt: 'object' }],
    wires: [['save']],
  },
  { ...place, id: 'save', type: 'function', func: SAVE, outputs: 1, libs: [], wires: [[]] },
];

writeFileSync(join(userDir, 'flows.json'), JSON.stringify(FLOW));
const RED = createRequire(join(folder, 'package.json'))('node-red');
RED.init(createServer(), {
  httpAdminRoot: false,
  httpNodeRoot: false,
  userDir,
  flowFile: 'flows.json',
  functionGlobalContext: { store: openStore(Number(redisPort)) },
  logging: { console: { level: 'error', metrics: false, audit: false } },
});
await RED.start();
process.once('SIGTERM', () => process.exit(0));
process.stdout.write('ready\n');
