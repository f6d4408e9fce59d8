// What stands behind a plain broker: takes each message of telemetry, parses and checks it, and stores it in Redis.
// Usage: node bench/targets/consumer.js MQTT_PORT REDIS_PORT
import { connect } from 'mqtt';
import { openStore } from './consumer-store.js';

const [mqttPort, redisPort] = process.argv.slice(2).map(Number);
const store = openStore(redisPort ?? 0);

const client = connect(`mqtt://127.0.0.1:${mqttPort}`, { clientId: 'consumer', clean: true });
client.on('message', (topic, payload) => store.save(topic, payload.toString()));
client.on('connect', () =>
  client.subscribe('devices/+/telemetry', { qos: 1 }, (error) => {
    if (error) throw error;
    process.stdout.write('ready\n');
  }),
);
process.once('SIGTERM', () => process.exit(0));
