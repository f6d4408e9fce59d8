import net from 'node:net';
import { connectFrame, DISCONNECT } from './frames.js';
import { PacketReader } from './reader.js';

/** Ports of one source address are limited (28,000 by default): every so many connections take the next 127.0.0.x. */
const CONNECTIONS_PER_SOURCE = 10_000;

/** Every socket reads into the same memory: packets are handled before the next read begins. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);

/**
 * @typedef {{ host: string, port: number }} Address
 * @typedef {object} ConnectionOptions
 * @property {Address} address
 * @property {string} clientId
 * @property {string} userName
 * @property {{ userName: string, password: string } | undefined} [login]  In place of the user name, where all devices share one.
 * @property {number} index  Running number of the connection: chooses its source address.
 * @property {(firstByte: number, bytes: Buffer, start: number, end: number) => void} [onPacket]  All but CONNACK.
 * @property {() => void} [onReadEnd]  After all packets of one read were handled.
 * @property {(reason: Error) => void} [onLost]  The connection ended and nobody had asked for it.
 */

/** One MQTT connection on a raw socket. */
export class Connection {
  #closing = false;
  /** @type {Error | undefined} */
  #error;

  /** @param {ConnectionOptions} options */
  constructor({ address, clientId, userName, login, index, onPacket, onReadEnd, onLost }) {
    /** @type {(value?: undefined) => void} */
    let resolve = () => {};
    /** @type {(reason: Error) => void} */
    let reject = () => {};
    /** Settles with the CONNACK; rejects when it refuses or never comes. @type {Promise<void>} */
    this.connected = new Promise((yes, no) => {
      resolve = yes;
      reject = no;
    });
    let accepted = false;
    const reader = new PacketReader((firstByte, bytes, start, end) => {
      if (accepted) return onPacket?.(firstByte, bytes, start, end);
      if (firstByte !== 0x20) return this.#fail(new Error(`Packet 0x${firstByte.toString(16)} came before CONNACK.`));
      if (bytes[start + 1] !== 0) return this.#fail(new Error(`CONNACK refused with code ${bytes[start + 1]}.`));
      accepted = true;
      resolve();
    });
    const source = Math.floor(index / CONNECTIONS_PER_SOURCE);
    this.socket = net.connect({
      ...address,
      ...(source > 0 ? { localAddress: `127.0.0.${1 + (source % 200)}` } : {}),
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (count, buffer) => {
          try {
            reader.push(/** @type {Buffer} */ (buffer).subarray(0, count));
            onReadEnd?.();
          } catch (error) {
            this.#fail(/** @type {Error} */ (error));
          }
          return true;
        },
      },
    });
    this.socket.on('error', (error) => {
      this.#error ??= error;
    });
    this.socket.on('close', () => {
      const reason = this.#error ?? new Error('The server closed the connection.');
      if (!accepted) reject(reason);
      else if (!this.#closing) onLost?.(reason);
    });
    this.socket.write(connectFrame(clientId, login?.userName ?? userName, login?.password));
  }

  /** @param {Error} error */
  #fail(error) {
    this.#error ??= error;
    this.socket.destroy();
  }

  /** DISCONNECT and an orderly end. */
  close() {
    this.#closing = true;
    this.socket.end(DISCONNECT);
  }

  /** Drops the connection without a word (TCP reset: leaves no port in TIME_WAIT). */
  drop() {
    this.#closing = true;
    this.socket.resetAndDestroy();
  }
}

/**
 * Runs `task(0)` to `task(count - 1)`, at most `parallel` at a time, in order of start.
 * @param {number} count
 * @param {number} parallel
 * @param {(index: number) => Promise<void>} task
 */
export async function inParallel(count, parallel, task) {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, lane));
}
