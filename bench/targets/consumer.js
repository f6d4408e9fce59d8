// What stands behind a plain broker: takes each message of telemetry, parses and checks it, and stores it in Redis.
// Usage: node bench/targets/consumer.js MQTT_PORT REDIS_PORT [tell]: says that a message is stored, too
import { connect } from 'mqtt';
import { openStore, storedTopicOf } from './consumer-store.js';

const [mqttPort, redisPort, tell] = process.argv.slice(2);
const store = openStore(Number(redisPort));

const client = connect(`mqtt://127.0.0.1:${mqttPort}`, { clientId: 'consumer', clean: true });
/** @param {string} topic */
const told = (topic) => client.publish(storedTopicOf(topic), '');
client.on('message', (topic, payload) => store.save(topic, payload.toString(), tell ? told : undefined));
client.on('connect', () => {
  // Else what tells of a stored message waits 40 ms behind the acknowledgement of the message.
  /** @type {import('node:net').Socket} */ (client.stream).setNoDelay(true);
  client.subscribe('devices/+/telemetry', { qos: 1 }, (error) => {
    if (error) throw error;
    process.stdout.write('ready\n');
  });
});
process.once('SIGTERM', () => process.exit(0));
