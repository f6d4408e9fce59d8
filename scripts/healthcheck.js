#!/usr/bin/env node
// Health of a container: a real MQTT CONNECT as a provisioning session, answered with CONNACK 0. Exit 0 healthy, 1 not.
import { connect } from 'node:net';

const TIMEOUT_MS = 5_000;
/** CONNECT of MQTT 3.1.1: clean session, keep-alive 10 s, client id and user name `provision`, which need no credentials. */
const CONNECT = Buffer.concat([
  Buffer.from([0x10, 32, 0, 4]),
  Buffer.from('MQTT'),
  Buffer.from([4, 0x82, 0, 10]),
  Buffer.from([0, 9]),
  Buffer.from('provision'),
  Buffer.from([0, 9]),
  Buffer.from('provision'),
]);
const DISCONNECT = Buffer.from([0xe0, 0]);

const port = Number(process.argv[2] || process.env.MQTT_BIND_PORT || 1883);
const bound = process.env.MQTT_BIND_ADDRESS;
const host = !bound || bound === '0.0.0.0' || bound === '::' ? '127.0.0.1' : bound;

/** @param {string} problem */
function unhealthy(problem) {
  process.stderr.write(`unhealthy: ${problem}\n`);
  process.exit(1);
}

const socket = connect({ host, port });
setTimeout(() => unhealthy(`no CONNACK from ${host}:${port} within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
socket.on('error', (error) => unhealthy(`${host}:${port}: ${error.message}`));
socket.on('close', () => unhealthy(`${host}:${port} closed the connection`));

let answer = Buffer.alloc(0);
socket.on('data', (chunk) => {
  answer = Buffer.concat([answer, chunk]);
  if (answer.length < 4) return;
  if (answer[0] !== 0x20 || answer[3] !== 0)
    unhealthy(`${host}:${port} answered ${answer.subarray(0, 4).toString('hex')}`);
  socket.end(DISCONNECT);
  process.stdout.write('healthy\n');
  process.exit(0);
});
socket.write(CONNECT);
