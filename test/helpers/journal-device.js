// A process of its own that plays devices and writes down what it does, so that its journal outlives any broker.
// Started with one argument, the plan (journal-plan.ts); obeys JSON lines on standard input, reports on standard output.
import { openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { JournalConnection } from './journal-connection.js';

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const journal = openSync(plan.journal, 'a');
const PROVISION_REQUEST = ['/provision/request', '/provision'];
const ATTRIBUTES = 'v1/devices/me/attributes';
const TELEMETRY = 'v1/devices/me/telemetry';
const ANSWER_MS = 10_000;
/** Answers that a device may get before it is told neither yes nor no for good. */
const MAX_ANSWERS = 12;

const counts = { provisioned: 0, acked: 0, attached: 0, finished: 0, live: 0, logins: 0, closed: 0, shutDown: 0 };
let stopping = false;
/** Connections on which devices send. */
const atWork = new Set();
let armed;
let random = plan.seed >>> 0;

/** mulberry32: a run is repeated by its seed. */
function next() {
  random = (random + 0x6d2b79f5) >>> 0;
  let t = Math.imul(random ^ (random >>> 15), 1 | random);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const between = (low, high) => low + Math.floor(next() * (high - low + 1));

/** One line, on its way to the disk before the caller goes on. */
function note(fact) {
  writeSync(journal, `${JSON.stringify({ ...fact, t: performance.timeOrigin + performance.now() })}\n`);
}

/** Kills the broker when enough moments of the armed kind have come: the fault falls at a place, not at a time. */
function moment(kind) {
  if (!armed || (armed.moment !== 'any' && armed.moment !== kind)) return;
  if (--armed.count > 0) return;
  const { pid, delayMs } = armed;
  armed = undefined;
  const strike = () => {
    note({ e: 'kill', moment: kind });
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone already: whoever waits for its end sees that.
    }
  };
  if (delayMs === 0) strike();
  else setTimeout(strike, delayMs);
}

const context = { note, moment, counts, host: '127.0.0.1', patienceMs: plan.patienceMs, keepaliveS: plan.keepaliveS };

/** At any of the brokers, as behind a load balancer, unless it is said which; or at the first one that listens. */
async function dial(role, device, version, at = between(0, plan.ports.length - 1)) {
  const ports = plan.inTurn ? plan.ports : [plan.ports[at % plan.ports.length]];
  for (const port of ports) {
    const connection = await JournalConnection.open({ ...context, port }, { role, device, version });
    if (connection) return connection;
  }
  return undefined;
}

/** Asks once for each token, each on a connection of its own, all in one moment; gives the answers, undefined where none came. */
async function ask(device, name, tokens) {
  const start = between(0, plan.ports.length - 1);
  const connections = await Promise.all(
    tokens.map(async (_, index) => {
      const connection = await dial('provision', device.name, device.version, start + index);
      if ((await connection?.login('provision')) === 0) return connection;
      connection?.end();
      return undefined;
    }),
  );
  return Promise.all(tokens.map((token, index) => askOn(connections[index], name, token)));
}

async function askOn(connection, name, token) {
  if (!connection) return undefined;
  if (next() < 0.5) connection.subscribe('/provision/response');
  const body = { deviceName: name, provisionDeviceKey: plan.provisionKey, provisionDeviceSecret: plan.provisionSecret };
  note({ e: 'provision', conn: connection.id, name, ...(token ? { token } : {}) });
  const topic = PROVISION_REQUEST[between(0, 1)];
  connection.publish(topic, JSON.stringify({ ...body, ...(token ? { token } : {}) }));
  moment('provision');
  const answer = await connection.nextOn('/provision/response', ANSWER_MS);
  // The socket stays a while: an answer that is not for it must find it.
  setTimeout(() => connection.end(), between(0, 400));
  return answer === undefined ? undefined : JSON.parse(answer);
}

/** Gets the device a token that works, whatever was lost on the way; undefined when it gives up. */
async function provision(device) {
  let answered = 0;
  for (let first = true; answered < MAX_ANSWERS; first = false) {
    const wished = first && device.wish !== undefined;
    const wanted = wished ? [device.wish] : first ? [device.token, ...device.rivals] : [device.token];
    const answers = await ask(device, device.name, wanted);
    if (answers.some((answer) => answer !== undefined)) answered++;
    const success = answers.find((answer) => answer?.status === 'SUCCESS');
    if (success) return success.credentialsValue;
    // A refused wish says nothing of the name: the token may have been taken.
    if (!wished && answers.some((answer) => answer?.status === 'FAILURE')) {
      const token = await workingToken(device);
      if (token !== undefined) return token;
    }
    await pause(between(50, 250));
  }
  note({ e: 'gave-up', device: device.name, why: 'it gets no token, and none of its own opens a session' });
  return undefined;
}

/** The name is taken: by a request of our own whose answer was lost, so one of our tokens must work. */
async function workingToken(device) {
  // The wish comes last: it may be another device's, unless nothing else can have taken the name.
  for (const token of [device.token, ...device.rivals, device.wish].filter((text) => text !== undefined)) {
    const connection = await dial('device', device.name, device.version);
    const code = await connection?.login(token);
    connection?.end();
    if (code === 0) return token;
    if (code === undefined) return undefined; // the broker is away: the next try begins anew
  }
  return undefined;
}

const EXACT = ['42.0', '9007199254740993', '"0012"', 'true', '{"a":[1,2.50,"x"]}', '-0.0', '1e3', '"\\u00e9\\n<b>"'];

/** The messages of a device's life, in order. Times rise by at least 1 ms, so that each reading has its own place. */
function* messages(device) {
  const attach = { Power_supplier_secret_key: device.supplierKey, CUPS: device.cups, owner: device.owner };
  yield { kind: 'attach', topic: ATTRIBUTES, payload: JSON.stringify({ ...attach, mark: 1 }), seq: 1 };
  let ts = Date.now();
  for (let seq = 2; seq <= device.messages; seq++) {
    if (seq % device.attachEvery === 0) {
      yield { kind: 'attach', topic: ATTRIBUTES, payload: JSON.stringify({ ...attach, mark: seq }), seq };
    } else if (seq % 10 === 0 || (seq - 1) % device.attachEvery === 0) {
      yield { kind: 'attributes', topic: ATTRIBUTES, payload: JSON.stringify({ owner: device.owner, mark: seq }), seq };
    } else if (seq % 17 === 0) {
      const topic = `v1/devices/me/attributes/request/${seq}`;
      yield { kind: 'request', topic, payload: '{"clientKeys":"owner,mark","sharedKeys":"onboarding"}', seq };
    } else {
      ts = Math.max(ts + 1, Date.now());
      const values = `"seq":${seq},"owner":"${device.owner}","exact":${EXACT[seq % EXACT.length]}`;
      yield { kind: 'telemetry', topic: TELEMETRY, payload: `{"ts":${ts},"values":{${values}}}`, seq };
    }
  }
}

/** Sends all of a device's messages, at least once each, in order, however often the connection ends. */
async function stream(device, token) {
  const source = messages(device);
  const unacked = [];
  let exhausted = false;
  let refused = 0;
  while (true) {
    if (stopping && unacked.length === 0) return;
    const connection = await dial('device', device.name, device.version);
    const code = await connection?.login(token);
    if (!connection || code !== 0) {
      connection?.end();
      if (code !== undefined && code !== 3 && code !== 0x88 && ++refused > 5) {
        note({ e: 'gave-up', device: device.name, why: `its token is refused with ${code}` });
        return;
      }
      await pause(between(50, 250));
      continue;
    }
    refused = 0;
    counts.logins++;
    atWork.add(connection);
    if (next() < 0.5) connection.subscribe(ATTRIBUTES);
    connection.subscribe('v1/devices/me/attributes/response/+');
    for (const message of unacked) send(connection, message);
    while (!connection.closed) {
      while (!exhausted && !stopping && unacked.length < plan.window) {
        const { value, done } = source.next();
        if (done) exhausted = true;
        else {
          unacked.push(value);
          send(connection, value);
        }
      }
      if ((exhausted || stopping) && unacked.length === 0) {
        atWork.delete(connection);
        connection.end();
        counts.finished++;
        return;
      }
      const acked = await connection.nextAck(plan.patienceMs);
      if (acked === undefined) break;
      const at = unacked.findIndex((message) => message.mid === acked);
      if (at >= 0) unacked.splice(at, 1);
      counts.acked++;
      if (next() < plan.restless) break;
      if (plan.paceMs > 0) await connection.whenClosed(plan.paceMs, () => stopping);
    }
    atWork.delete(connection);
    if (!connection.closed) {
      connection.leave(between(0, 1_000));
      continue;
    }
    await pause(between(50, 250));
  }
}

function send(connection, message) {
  const { kind, topic, payload, seq } = message;
  message.mid = connection.publish(topic, payload, { kind, seq });
  moment(kind);
}

async function live(device) {
  note({ e: 'device', device: device.name, owner: device.owner, stem: device.stem });
  counts.live++;
  const token = await provision(device);
  if (token !== undefined) {
    counts.provisioned++;
    await stream(device, token);
  }
  counts.live--;
}

/** A provisioning session that never asks: whatever provisioning answer it gets is somebody else's. */
async function listen() {
  note({ e: 'device', device: 'listener', owner: 'listener-owns-nothing', stem: 'listener-has-no-stem' });
  while (!stopping) {
    const connection = await dial('listen', 'listener', 4);
    if ((await connection?.login('provision')) === 0) {
      connection.subscribe('/provision/response');
      await connection.whenClosed();
    } else connection?.end();
    await pause(between(50, 250));
  }
}

async function run() {
  void listen();
  const waiting = [...plan.devices];
  const lanes = Array.from({ length: plan.parallel }, async () => {
    for (let group = waiting.shift(); group && !stopping; group = waiting.shift()) {
      // Devices of a group begin together: they fight for a supply point or a token.
      await Promise.all(group.map(live));
    }
  });
  await Promise.all(lanes);
}

const report = (event) => process.stdout.write(`${JSON.stringify({ event, ...counts })}\n`);
const ticker = setInterval(() => report('progress'), 50);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    if (order.do === 'arm') armed = order;
    else if (order.do === 'disarm') armed = undefined;
    else if (order.do === 'stop') {
      stopping = true;
      for (const connection of atWork) connection.wake();
    }
  })
  .on('close', () => process.exit(1)); // the test that started this process is gone

await run();
clearInterval(ticker);
report('finished');
process.exit(0);
