// Node-RED as a broker that stores: its aedes node, and a flow that parses, checks and stores each message.
// Usage: node bench/targets/node-red-broker.js INSTALLED_IN USER_DIR MQTT_PORT REDIS_PORT [tell]: says that a message is stored, too
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import { join } from 'node:path';
import { openStore, storedTopicOf } from './consumer-store.js';

const [folder = '.', userDir = '.', mqttPort = '', redisPort = '', tell] = process.argv.slice(2);

/** The node's messages carry aedes' packet; a client of the broker itself, as `mqtt in` is, would cost more. */
const PICK = `const { packet, client } = msg.payload;
if (!client || !packet.topic.startsWith('devices/')) return null;
return { topic: packet.topic, text: packet.payload.toString(), payload: packet.payload.toString() };`;
const SAVE = `global.get('store').write(msg.topic, msg.payload.values, msg.text);`;
const SAVE_AND_TELL = `const told = (topic) => node.send({ topic: global.get('storedTopicOf')(topic), payload: '' });
global.get('store').write(msg.topic, msg.payload.values, msg.text, told);`;

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
  {
    ...place,
    id: 'save',
    type: 'function',
    func: tell ? SAVE_AND_TELL : SAVE,
    outputs: 1,
    libs: [],
    wires: [tell ? ['out'] : []],
  },
  ...(tell
    ? [
        { id: 'self', type: 'mqtt-broker', broker: '127.0.0.1', port: mqttPort, clientid: 'flow', autoConnect: true },
        { ...place, id: 'out', type: 'mqtt out', topic: '', qos: '0', retain: 'false', broker: 'self', wires: [] },
      ]
    : []),
];

// Neither of its nodes sets it: what tells of a stored message would wait 40 ms for another packet.
const { createServer: listen } = net;
net.createServer = (...given) =>
  listen({ noDelay: true }).on('connection', /** @type {any} */ (given.at(-1) ?? (() => {})));
const { connect } = net.Socket.prototype;
/** @this {net.Socket} @param {any[]} given */
net.Socket.prototype.connect = function (...given) {
  return connect.apply(this.setNoDelay(true), /** @type {any} */ (given));
};

writeFileSync(join(userDir, 'flows.json'), JSON.stringify(FLOW));
const RED = createRequire(join(folder, 'package.json'))('node-red');
RED.init(createServer(), {
  httpAdminRoot: false,
  httpNodeRoot: false,
  userDir,
  flowFile: 'flows.json',
  functionGlobalContext: { store: openStore(Number(redisPort)), storedTopicOf },
  logging: { console: { level: 'error', metrics: false, audit: false } },
});
await RED.start();
process.once('SIGTERM', () => process.exit(0));
process.stdout.write('ready\n');
