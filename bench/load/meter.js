import { cpuSeconds, rssBytes } from '../proc.js';
import { Histogram } from './histogram.js';

/**
 * @typedef {object} Measurement
 * @property {number} count  Messages, devices or connections finished in the window.
 * @property {number} seconds
 * @property {number} cpuUs  Server CPU microseconds for each of them, user and kernel mode together.
 * @property {number} systemUs  The part of it in kernel mode.
 * @property {number} perSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} rssMiB  Server, at the end of the window.
 * @property {number} generatorBusy  Share of one core that the load generator used, 0 to 1.
 */

/** One measured window: the server's CPU and memory, the generator's CPU, and latencies. */
export class Meter {
  latency = new Histogram();
  #pid;
  #startedAt = 0;
  #serverCpu = { user: 0, system: 0 };
  #ownCpu = process.cpuUsage();

  /** @param {number} pid */
  constructor(pid) {
    this.#pid = pid;
  }

  start() {
    this.latency.clear();
    this.#ownCpu = process.cpuUsage();
    this.#serverCpu = cpuSeconds(this.#pid);
    this.#startedAt = performance.now();
  }

  /**
   * @param {number} count
   * @returns {Measurement}
   */
  stop(count) {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const now = cpuSeconds(this.#pid);
    const user = now.user - this.#serverCpu.user;
    const system = now.system - this.#serverCpu.system;
    const own = process.cpuUsage(this.#ownCpu);
    return {
      count,
      seconds,
      cpuUs: ((user + system) * 1e6) / count,
      systemUs: (system * 1e6) / count,
      perSecond: count / seconds,
      p50Ms: this.latency.percentile(0.5),
      p99Ms: this.latency.percentile(0.99),
      rssMiB: rssBytes(this.#pid) / 2 ** 20,
      generatorBusy: (own.user + own.system) / 1e6 / seconds,
    };
  }
}
