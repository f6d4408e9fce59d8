import { setTimeout as delay } from 'node:timers/promises';
import { Connection, inParallel } from './connection.js';
import { Meter } from './meter.js';
import { TelemetryRing } from './telemetry-ring.js';

/** How long the last acknowledgements may take after the window, in milliseconds. */
const DRAIN_MS = 15_000;
/** Without an acknowledgement for so long, none is waited for. */
const STALLED_MS = 1_000;

/** @param {number} sequence */
const packetIdOf = (sequence) => (sequence % 65_535) + 1;

/** Sends blocks of telemetry, at most `window` of them unacknowledged. */
class Publisher {
  sent = 0;
  acked = 0;
  running = false;
  #sentAt;
  #ring;
  #meter;

  /**
   * @param {import('./connection.js').Address} address
   * @param {string} userName
   * @param {number} index
   * @param {{ window: number, perAck: number }} shape
   * @param {Meter} meter
   * @param {(reason: Error) => void} onLost
   */
  constructor(address, userName, index, { window, perAck }, meter, onLost) {
    this.#ring = new TelemetryRing(window, perAck);
    this.#sentAt = new Float64Array(window);
    this.#meter = meter;
    let now = 0;
    this.connection = new Connection({
      address,
      clientId: `bench-${index}`,
      userName,
      index,
      onLost,
      onPacket: (firstByte, bytes, start) => {
        if (firstByte !== 0x40) throw new Error(`Packet 0x${firstByte.toString(16)} where a PUBACK was expected.`);
        now ||= performance.now();
        this.#acknowledge(bytes.readUInt16BE(start), now);
      },
      onReadEnd: () => {
        now = 0;
        this.fill();
      },
    });
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
    return this.#ring.slots - (this.sent - this.acked);
  }

  /**
   * Sends as many blocks as the window allows once half of it is free: every server gets its messages in bursts of the
   * same size, whether it acknowledges one by one or many in one write.
   */
  fill() {
    const { free } = this;
    if (this.running && free * 2 >= this.#ring.slots) this.send(free);
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
 * Telemetry at full speed, or at `job.rate` messages a second where the shape is paced. With `perAck` above 1, all but the last message of a block are QoS 0 and the latency is
 * that of a whole block.
 * @param {import('./worker.js').Job} job
 * @param {string[]} users
 * @param {{ window: number, perAck: number, paced?: boolean }} shape
 * @returns {Promise<import('./worker.js').Outcome>}
 */
export async function runTelemetry(job, users, shape) {
  const meter = new Meter(job.pid);
  /** @type {Error[]} */
  const lost = [];
  /** @type {Publisher[]} */
  const open = [];
  await inParallel(users.length, 100, async (i) => {
    const publisher = new Publisher(job.address, users[i] ?? '', i, shape, meter, (reason) => lost.push(reason));
    await publisher.connection.connected;
    open.push(publisher);
  });
  const acked = () => open.reduce((sum, publisher) => sum + publisher.acked, 0) * shape.perAck;
  const endPacing = shape.paced ? pace(open, job.rate) : undefined;
  for (const publisher of open) {
    publisher.running = !shape.paced;
    publisher.fill();
  }
  await passed(job.warmupSeconds, (job.messages ?? 0) / 2, acked);
  const before = acked();
  meter.start();
  await passed(job.seconds, job.messages ?? 0, () => acked() - before);
  const measurement = meter.stop(acked() - before);
  endPacing?.();
  for (const publisher of open) publisher.running = false;
  const unacked = () => open.reduce((sum, publisher) => sum + publisher.sent - publisher.acked, 0) * shape.perAck;
  for (const end = performance.now() + DRAIN_MS; unacked() > 0 && performance.now() < end; ) await delay(20);
  const missing = unacked();
  for (const publisher of open) publisher.connection.close();
  const problems = lost.map((reason) => reason.message);
  if (missing > 0) problems.push(`${missing} messages were not acknowledged ${DRAIN_MS / 1000} s after the last one.`);
  return { measurement, failures: lost.length + missing, problems, messagesSent: acked() };
}
