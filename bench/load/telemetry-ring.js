import { publishFrame } from './frames.js';

const TS = '0000000000000';
const ENERGY = '0000000';
const READING = '000.0';

/** Readings start an hour ago and are 1 ms apart, so that even a fast sender never writes into the future. */
const FIRST_READING_AGO_MS = 3_600_000;

/** Names of the values of a message, the first of them a meter's index. */
const NAMES = ['energy_import_wh', 'power_w', 'voltage_v', 'current_a'];

/**
 * A message of so many values as text; digits are filled in later.
 * @param {number} values
 */
function templateOf(values) {
  const fields = Array.from({ length: values }, (_, i) => {
    const name = NAMES[i] ?? `reading_${String(i).padStart(2, '0')}`;
    return `"${name}":${i === 0 ? ENERGY : READING}`;
  });
  return `{"ts":${TS},"values":{${fields.join(',')}}}`;
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @param {number} count
 * @param {number} value
 */
function writeDigits(bytes, at, count, value) {
  let rest = value;
  for (let i = at + count - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    bytes[i] = 48 + rest - next * 10;
    rest = next;
  }
}

/**
 * The prepared frames of one sender: `slots` blocks of `perAck` telemetry messages, all QoS 0 but the last of
 * each block. A block's memory may be patched again once its PUBACK has come: the server has it then.
 */
export class TelemetryRing {
  #head;
  #tail;
  #template;
  #tsAt;
  #energyAt;
  /** @type {number[]} */
  #readingsAt = [];
  #firstTs = Date.now() - FIRST_READING_AGO_MS;

  /**
   * @param {number} slots
   * @param {{ topic: string, perAck: number, values: number }} message
   */
  constructor(slots, { topic, perAck, values }) {
    this.#template = templateOf(values);
    this.#tsAt = this.#template.indexOf(TS);
    this.#energyAt = this.#template.indexOf(`:${ENERGY}`, this.#tsAt + TS.length) + 1;
    for (let at = this.#energyAt; ; ) {
      at = this.#template.indexOf(`:${READING}`, at) + 1;
      if (at === 0) break;
      this.#readingsAt.push(at);
    }
    this.#head = publishFrame(topic, this.#template, 0);
    this.#tail = publishFrame(topic, this.#template, 1);
    this.slots = slots;
    this.perAck = perAck;
    this.blockBytes = (perAck - 1) * this.#head.length + this.#tail.length;
    const block = Buffer.concat([...Array.from({ length: perAck - 1 }, () => this.#head), this.#tail]);
    this.bytes = Buffer.concat(Array.from({ length: slots }, () => block));
  }

  /**
   * Gives the block fresh readings and its packet id.
   * @param {number} slot
   * @param {number} sequence  Number of the block since the sender began.
   * @param {number} packetId
   */
  prepare(slot, sequence, packetId) {
    const start = slot * this.blockBytes;
    const reading = sequence * this.perAck;
    const payloadInFrame = this.#head.length - this.#template.length;
    for (let i = 0; i < this.perAck - 1; i++) {
      this.#patch(start + i * this.#head.length + payloadInFrame, reading + i);
    }
    const lastPayload = start + this.blockBytes - this.#template.length;
    this.#patch(lastPayload, reading + this.perAck - 1);
    this.bytes.writeUInt16BE(packetId, lastPayload - 2);
  }

  /**
   * @param {number} at
   * @param {number} reading
   */
  #patch(at, reading) {
    const ts = this.#firstTs + reading;
    const high = Math.floor(ts / 1e6);
    writeDigits(this.bytes, at + this.#tsAt, 7, high);
    writeDigits(this.bytes, at + this.#tsAt + 7, 6, ts - high * 1e6);
    writeDigits(this.bytes, at + this.#energyAt, 7, 1_000_000 + (reading % 8_000_000));
    let tenths = 1000 + ((reading * 37) % 9000);
    for (const place of this.#readingsAt) {
      writeDigits(this.bytes, at + place, 3, Math.floor(tenths / 10));
      this.bytes[at + place + 4] = 48 + (tenths % 10);
      tenths = 1000 + ((tenths + 1013) % 9000);
    }
  }
}
