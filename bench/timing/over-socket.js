import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectFrame } from '../load/frames.js';
import { gridmoor } from '../targets/gridmoor.js';
import { anyOf, interleave, prefixClasses, randomText } from './guesses.js';
import { compare } from './welch.js';

const DEVICES = 200;
const ANSWER_WITHIN_MS = 5_000;

let peers = 0;
/** A new address of this machine for each guess: refusals of one address are held back for a growing pause. */
function nextAddress() {
  peers++;
  return `127.${1 + ((peers >> 16) % 250)}.${(peers >> 8) & 0xff}.${1 + (peers % 250)}`;
}

/**
 * Nanoseconds from the request on an open connection to the first byte of its answer.
 * @param {number} port
 * @param {Buffer} request
 * @param {(answer: Buffer) => boolean} isRefusal
 * @returns {Promise<number>}
 */
function exchange(port, request, isRefusal) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress: nextAddress(), noDelay: true });
    let start = 0n;
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error('No answer came in time.')));
    socket.once('connect', () => {
      start = process.hrtime.bigint();
      socket.write(request);
    });
    socket.once('data', (answer) => {
      const ns = Number(process.hrtime.bigint() - start);
      socket.resetAndDestroy();
      if (isRefusal(answer)) resolve(ns);
      else reject(new Error(`A wrong secret was not refused: ${answer.toString('latin1', 0, 40)}`));
    });
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('The connection ended without an answer.')));
  });
}

/** @param {Buffer} answer */
const isConnackRefusal = (answer) => answer[0] === 0x20 && answer[3] !== 0;
/** @param {Buffer} answer */
const isUnauthorized = (answer) => answer.toString('latin1', 0, 12) === 'HTTP/1.1 401';

/** @param {string} key */
const httpRequest = (key) =>
  Buffer.from(
    `GET /api/tenant/devices?pageSize=1&page=0 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${key}\r\n\r\n`,
  );

/**
 * What someone outside sees of a running server, guess by guess, from addresses that never failed before. Needs `npm run build`.
 * @param {number} samples
 * @param {(line: string) => void} progress
 */
export async function measureOverSocket(samples, progress) {
  const directory = mkdtempSync(join(tmpdir(), 'gridmoor-timing-'));
  const server = await gridmoor.start(directory, { scenario: 'provision' });
  try {
    const { mqtt, http } = /** @type {{ mqtt: number, http: number }} */ (server.ready);
    const url = `http://127.0.0.1:${http}`;
    const { tokens, users } = await provision(url, server.provision);
    const keys = await Promise.all(Array.from({ length: 20 }, (_, i) => createKey(url, server.adminKey, `key-${i}`)));
    const connect = (/** @type {string} */ userName, /** @type {string | undefined} */ password) =>
      exchange(mqtt, connectFrame('bench', userName, password), isConnackRefusal);
    const groups = [
      {
        name: 'access token, MQTT',
        classes: prefixClasses(() => anyOf(tokens)),
        time: (/** @type {string} */ token) => connect(token, undefined),
      },
      {
        name: 'user name of MQTT_BASIC, MQTT',
        classes: [
          { name: 'wrong password', guess: () => anyOf(users).userName },
          { name: 'unknown name', guess: () => randomText(20) },
        ],
        time: (/** @type {string} */ userName) => connect(userName, randomText(20)),
      },
      {
        name: 'API key, HTTP',
        classes: prefixClasses(() => anyOf(keys), 'gma_'.length),
        time: (/** @type {string} */ key) => exchange(http, httpRequest(key), isUnauthorized),
      },
    ];
    const results = [];
    for (const { name, classes, time } of groups) {
      progress(`over the socket: ${name}`);
      results.push({ where: 'over the socket', name, classes: compare(await interleave(classes, samples, time)) });
    }
    return results;
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * @param {string} url
 * @param {{ key: string, secret: string } | undefined} by
 */
async function provision(url, by) {
  const request = async (/** @type {object} */ body) => {
    const response = await fetch(`${url}/api/v1/provision`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ provisionDeviceKey: by?.key, provisionDeviceSecret: by?.secret, ...body }),
    });
    const answer = await response.json();
    if (answer.status !== 'SUCCESS') throw new Error(`Provisioning answered ${JSON.stringify(answer)}.`);
  };
  const tokens = Array.from({ length: DEVICES }, () => randomText(20));
  const users = Array.from({ length: DEVICES }, () => ({ userName: randomText(20), password: randomText(20) }));
  await Promise.all([
    ...tokens.map((token, i) => request({ deviceName: `token-${i}`, credentialsType: 'ACCESS_TOKEN', token })),
    ...users.map(({ userName, password }, i) =>
      request({ deviceName: `basic-${i}`, credentialsType: 'MQTT_BASIC', username: userName, password }),
    ),
  ]);
  return { tokens, users };
}

/**
 * @param {string} url
 * @param {string | undefined} adminKey
 * @param {string} name
 */
async function createKey(url, adminKey, name) {
  const response = await fetch(`${url}/api/gridmoor/api-keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ name, role: 'operator' }),
  });
  if (!response.ok) throw new Error(`Creating an API key answered ${response.status} ${await response.text()}`);
  const { secretKey } = /** @type {{ secretKey: string }} */ (await response.json());
  return secretKey;
}
