import { setTimeout as delay } from 'node:timers/promises';
import { Connection, inParallel } from './connection.js';
import { subscribeFrame } from './frames.js';
import { Meter } from './meter.js';
import { storedMessages } from './stored.js';
import { TelemetryRing } from './telemetry-ring.js';

/** How long the last acknowledgements may take after the window, in milliseconds. */
const DRAIN_MS = 15_000;
/** How long a consumer may take to store what is acknowledged, in milliseconds. */
const STORED_MS = 60_000;
/** Before the rate that a server carries is looked at: it compiles itself till then. */
const WARM_MESSAGES = 20_000;
/** Without an acknowledgement for so long, none is waited for. */
const STALLED_MS = 1_000;

/** Of a device that is known by its login. */
const DEVICE_TOPIC = 'v1/devices/me/telemetry';

/** @param {number} sequence */
const packetIdOf = (sequence) => (sequence % 65_535) + 1;

/** Sends blocks of telemetry, at most `window` of them unacknowledged; with a `storedTopic` the word that they are stored is the acknowledgement. */
class Publisher {
  sent = 0;
  acked = 0;
  running = false;
  /** Most blocks under way, when fewer than the ring has. */
  limit = Number.POSITIVE_INFINITY;
  #sentAt;
  #storedFilter;
  /** @type {(value?: undefined) => void} */
  #subscribed = () => {};
  #ring;
  #meter;

  /**
   * @param {import('./worker.js').Job} job
   * @param {string} userName
   * @param {number} index
   * @param {import('../scenarios.js').Scenario} shape
   * @param {Meter} meter
   * @param {(reason: Error) => void} onLost
   */
  constructor({ address, login, topic = DEVICE_TOPIC, storedTopic }, userName, index, shape, meter, onLost) {
    const { window = 1, perAck = 1, values = 2 } = shape;
    this.#ring = new TelemetryRing(window, { topic: topic.replace('{user}', userName), perAck, values });
    this.#sentAt = new Float64Array(window);
    this.#meter = meter;
    let now = 0;
    this.connection = new Connection({
      address,
      clientId: `bench-${index}`,
      userName,
      login,
      index,
      onLost,
      onPacket: (firstByte, bytes, start) => {
        if (storedTopic !== undefined && (firstByte === 0x40 || firstByte === 0x90)) {
          if (firstByte === 0x90) this.#subscribed();
          return;
        }
        if (firstByte !== (storedTopic === undefined ? 0x40 : 0x30))
          throw new Error(`Packet 0x${firstByte.toString(16)} where a PUBACK was expected.`);
        now ||= performance.now();
        this.#acknowledge(storedTopic === undefined ? bytes.readUInt16BE(start) : packetIdOf(this.acked), now);
      },
      onReadEnd: () => {
        now = 0;
        this.fill();
      },
    });
    this.#storedFilter = storedTopic?.replace('{user}', userName);
  }

  /** Resolves when it may send: connected, and subscribed to what says that a message is stored. */
  async open() {
    await this.connection.connected;
    if (this.#storedFilter === undefined) return;
    const subscribed = new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      this.#subscribed = resolve;
    });
    this.connection.socket.write(subscribeFrame(this.#storedFilter, 0, 65_535));
    await subscribed;
  }

  /**
   * @param {number} packetId
   * @param {number} now
   */
  #acknowledge(packetId, now) {
    // PUBACKs come in the order of their PUBLISHes [MQTT-4.6.0-2].
    const expected = packetIdOf(this.acked);
    if (packetId !== expected || this.acked === this.sent) {
      throw new Error(`PUBACK ${packetId} came where ${expected} was expected.`);
    }
    this.#meter.latency.add(now - (this.#sentAt[this.acked % this.#ring.slots] ?? 0));
    this.acked++;
  }

  /** Blocks that may be sent before the next acknowledgement. */
  get free() {
    return Math.min(this.#ring.slots, this.limit) - (this.sent - this.acked);
  }

  /**
   * Sends as many blocks as the window allows once half of it is free: every server gets its messages in bursts of the
   * same size, whether it acknowledges one by one or many in one write.
   */
  fill() {
    const { free } = this;
    if (this.running && free * 2 >= Math.min(this.#ring.slots, this.limit)) this.send(free);
  }

  /**
   * Sends blocks in one write (two where the ring wraps).
   * @param {number} count  At most `free`.
   */
  send(count) {
    const ring = this.#ring;
    const first = this.sent % ring.slots;
    const now = performance.now();
    for (let i = 0; i < count; i++, this.sent++) {
      const slot = this.sent % ring.slots;
      this.#sentAt[slot] = now;
      ring.prepare(slot, this.sent, packetIdOf(this.sent));
    }
    const { socket } = this.connection;
    const straight = Math.min(count, ring.slots - first);
    socket.cork();
    socket.write(ring.bytes.subarray(first * ring.blockBytes, (first + straight) * ring.blockBytes));
    if (straight < count) socket.write(ring.bytes.subarray(0, (count - straight) * ring.blockBytes));
    socket.uncork();
  }
}

/** How often a paced load sends what is due, in milliseconds. */
const PACE_MS = 2;

/**
 * Sends single messages at a steady rate, the senders in turn; one whose window is full is passed over.
 * @param {Publisher[]} publishers
 * @param {number} perSecond
 * @returns {() => void} ends it
 */
function pace(publishers, perSecond) {
  const startedAt = performance.now();
  let sent = 0;
  let turn = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (let passedOver = 0; sent < due && passedOver < publishers.length; ) {
      const publisher = publishers[turn++ % publishers.length];
      if (publisher && publisher.free > 0) {
        publisher.send(1);
        sent++;
        passedOver = 0;
      } else passedOver++;
    }
  }, PACE_MS);
  return () => clearInterval(timer);
}

/**
 * Resolves when the time has passed and so many messages are acknowledged, or nothing has been for long: on a busy
 * machine a process is still compiling itself when the time is over.
 * @param {number} seconds
 * @param {number} messages
 * @param {() => number} acked
 */
async function passed(seconds, messages, acked) {
  await delay(seconds * 1000);
  for (let seen = -1; acked() < messages && acked() > seen; ) {
    seen = acked();
    await delay(STALLED_MS);
  }
}

/**
 * Ends a load and waits until all of it is acknowledged and, where a consumer works behind the server, stored.
 * @param {Publisher[]} open
 * @param {import('./worker.js').Job} job
 * @returns {Promise<number>} messages that are neither
 */
async function drain(open, { stored }) {
  for (const publisher of open) publisher.running = false;
  const unacked = () => open.reduce((sum, publisher) => sum + publisher.sent - publisher.acked, 0);
  for (const end = performance.now() + DRAIN_MS; unacked() > 0 && performance.now() < end; ) await delay(5);
  if (!stored || unacked() > 0) return unacked();
  const sent = open.reduce((sum, publisher) => sum + publisher.sent, 0);
  let missing = sent;
  for (const end = performance.now() + STORED_MS; missing > 0 && performance.now() < end; ) {
    missing = sent - (await storedMessages(stored));
    if (missing > 0) await delay(10);
  }
  return missing;
}

/**
 * Messages a second that the server carries with one under way on each connection.
 * @param {Publisher[]} open
 * @param {import('./worker.js').Job} job
 * @param {() => number} acked
 */
async function capacity(open, job, acked) {
  for (const publisher of open) {
    publisher.limit = 1;
    publisher.running = true;
    publisher.fill();
  }
  await passed(job.warmupSeconds, WARM_MESSAGES, acked);
  const before = acked();
  const startedAt = performance.now();
  await delay(1000);
  const perSecond = ((acked() - before) * 1000) / (performance.now() - startedAt);
  await drain(open, job);
  for (const publisher of open) publisher.limit = Number.POSITIVE_INFINITY;
  return perSecond;
}

/**
 * Telemetry at full speed, or at a rate where the shape is paced. With `perAck` above 1, all but the last message of a
 * block are QoS 0 and the latency is that of a whole block. With a consumer behind the server the window ends when it has
 * stored the last message, so that all work is counted.
 * @param {import('./worker.js').Job} job
 * @param {string[]} users
 * @param {import('../scenarios.js').Scenario} shape
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runTelemetry(job, users, shape) {
  const meter = new Meter(job);
  const { perAck = 1 } = shape;
  /** @type {Error[]} */
  const lost = [];
  /** @type {Publisher[]} */
  const open = [];
  await inParallel(users.length, 100, async (i) => {
    const publisher = new Publisher(job, users[i] ?? '', i, shape, meter, (reason) => lost.push(reason));
    await publisher.open();
    open.push(publisher);
  });
  const acked = () => open.reduce((sum, publisher) => sum + publisher.acked, 0) * perAck;
  const carried = shape.halfLoad || shape.rate ? await capacity(open, job, acked) : 0;
  const rate = shape.rate ?? (shape.halfLoad ? carried / 2 : job.rate);
  const begin = () => {
    for (const publisher of open) {
      publisher.running = !shape.paced;
      publisher.fill();
    }
    return shape.paced ? pace(open, rate) : () => {};
  };
  let endPacing = begin();
  await passed(job.warmupSeconds, (job.messages ?? 0) / 2, acked);
  if (job.stored) {
    endPacing();
    await drain(open, job);
    endPacing = begin();
  }
  const before = acked();
  meter.start();
  await passed(job.seconds, job.messages ?? 0, () => acked() - before);
  let missing = 0;
  if (job.stored) {
    endPacing();
    missing = await drain(open, job);
  }
  const measurement = meter.stop(acked() - before);
  if (!job.stored) {
    endPacing();
    missing = (await drain(open, job)) * perAck;
  }
  for (const publisher of open) publisher.connection.close();
  const problems = lost.map((reason) => reason.message);
  if (missing > 0) problems.push(`${missing} messages were not acknowledged, or not stored, long after the last one.`);
  return { measurement, failures: lost.length + missing, problems, messagesSent: acked() };
}
