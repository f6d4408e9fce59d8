import { publishFrame } from './frames.js';

const TOPIC = 'v1/devices/me/telemetry';
const TEMPLATE = '{"ts":0000000000000,"values":{"energy_import_wh":0000000,"power_w":000.0}}';
const TS_AT = TEMPLATE.indexOf('0000000000000');
const ENERGY_AT = TEMPLATE.indexOf('0000000,"power_w');
const POWER_AT = TEMPLATE.indexOf('000.0');

/** Readings start an hour ago and are 1 ms apart, so that even a fast sender never writes into the future. */
const FIRST_READING_AGO_MS = 3_600_000;

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
  #head = publishFrame(TOPIC, TEMPLATE, 0);
  #tail = publishFrame(TOPIC, TEMPLATE, 1);
  #firstTs = Date.now() - FIRST_READING_AGO_MS;

  /**
   * @param {number} slots
   * @param {number} perAck
   */
  constructor(slots, perAck) {
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
    const payloadInFrame = this.#head.length - TEMPLATE.length;
    for (let i = 0; i < this.perAck - 1; i++) {
      this.#patch(start + i * this.#head.length + payloadInFrame, reading + i);
    }
    const lastPayload = start + this.blockBytes - TEMPLATE.length;
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
    writeDigits(this.bytes, at + TS_AT, 7, high);
    writeDigits(this.bytes, at + TS_AT + 7, 6, ts - high * 1e6);
    writeDigits(this.bytes, at + ENERGY_AT, 7, 1_000_000 + (reading % 8_000_000));
    const tenths = 1000 + ((reading * 37) % 9000);
    writeDigits(this.bytes, at + POWER_AT, 3, Math.floor(tenths / 10));
    this.bytes[at + POWER_AT + 4] = 48 + (tenths % 10);
  }
}
