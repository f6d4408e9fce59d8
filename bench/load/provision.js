import { setTimeout as delay } from 'node:timers/promises';
import { Connection, inParallel } from './connection.js';
import { pubackFrame, publishFrame, subscribeFrame } from './frames.js';
import { Meter } from './meter.js';

const REQUEST_TOPIC = '/provision/request';
const RESPONSE_TOPIC = '/provision/response';
const ANSWER_WITHIN_MS = 10_000;

/** Connections that ask for a credential at the same time. */
export const PARALLEL = 50;

/** Most devices that one run creates. */
const MOST_DEVICES = 60_000;

/**
 * @param {Buffer} bytes  Body of a PUBLISH.
 * @param {number} qos
 */
export function parsePublish(bytes, qos) {
  const topicEnd = 2 + bytes.readUInt16BE(0);
  const payloadAt = topicEnd + (qos > 0 ? 2 : 0);
  return {
    topic: bytes.toString('utf8', 2, topicEnd),
    packetId: qos > 0 ? bytes.readUInt16BE(topicEnd) : 0,
    payload: bytes.toString('utf8', payloadAt),
  };
}

/**
 * One device's provisioning as device firmware does it: connect, subscribe, publish, wait for the answer.
 * @param {import('./worker.js').Job} job
 * @param {string} deviceName
 * @param {number} index
 * @returns {Promise<string>} the access token
 */
async function provisionDevice(job, deviceName, index) {
  const request = JSON.stringify({
    deviceName,
    provisionDeviceKey: job.provision?.key ?? 'bench',
    provisionDeviceSecret: job.provision?.secret ?? 'bench',
  });
  /** @type {(answer: string) => void} */
  let onAnswer = () => {};
  /** @type {(reason: Error) => void} */
  let onFailure = () => {};
  /** @type {Promise<string>} */
  const answered = new Promise((resolve, reject) => {
    onAnswer = resolve;
    onFailure = reject;
  });
  const connection = new Connection({
    address: job.address,
    clientId: `bench-${deviceName}`,
    userName: 'provision',
    index,
    onLost: onFailure,
    onPacket: (firstByte, bytes, start, end) => {
      if (firstByte >> 4 !== 3) return;
      const qos = (firstByte >> 1) & 3;
      const { topic, packetId, payload } = parsePublish(bytes.subarray(start, end), qos);
      if (qos === 1) connection.socket.write(pubackFrame(packetId));
      if (topic === RESPONSE_TOPIC) onAnswer(payload);
    },
  });
  const timer = setTimeout(() => onFailure(new Error('No provisioning answer came in time.')), ANSWER_WITHIN_MS);
  try {
    // A refused CONNECT ends the wait for the answer too.
    connection.connected.then(
      () =>
        connection.socket.write(
          Buffer.concat([subscribeFrame(RESPONSE_TOPIC, 1, 1), publishFrame(REQUEST_TOPIC, request, 1, 2)]),
        ),
      onFailure,
    );
    const answer = JSON.parse(await answered);
    if (answer.status !== 'SUCCESS') throw new Error(`Provisioning answered ${answer.status}.`);
    return answer.credentialsValue;
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

/**
 * User names for servers that accept anyone, as long as a token is.
 * @param {number} count
 */
export function madeUpUsers(count) {
  return Array.from({ length: count }, (_, i) => `bench-token-${String(i).padStart(8, '0')}`);
}

/**
 * Provisions `job.connections` devices and gives their tokens.
 * @param {import('./worker.js').Job} job
 */
export async function prepareUsers(job) {
  const tokens = Array.from({ length: job.connections }, () => '');
  await inParallel(tokens.length, PARALLEL, async (i) => {
    tokens[i] = await provisionDevice(job, `prepared-${i}`, i);
  });
  return tokens;
}

/**
 * Provisions new devices over and over for the window.
 * @param {import('./worker.js').Job} job
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runProvision(job) {
  const meter = new Meter(job);
  let running = true;
  let started = 0;
  let finished = 0;
  /** @type {string[]} */
  const problems = [];
  const lane = async () => {
    while (running && started < MOST_DEVICES && problems.length < PARALLEL) {
      const index = started++;
      const startedAt = performance.now();
      try {
        await provisionDevice(job, `measured-${index}`, index);
        finished++;
        meter.latency.add(performance.now() - startedAt);
      } catch (error) {
        problems.push(/** @type {Error} */ (error).message);
      }
    }
  };
  const lanes = Promise.all(Array.from({ length: PARALLEL }, lane));
  await delay(job.warmupSeconds * 1000);
  const before = finished;
  meter.start();
  await Promise.race([delay(job.seconds * 1000), lanes]);
  const measurement = meter.stop(finished - before);
  running = false;
  await lanes;
  return { measurement, failures: problems.length, problems };
}
