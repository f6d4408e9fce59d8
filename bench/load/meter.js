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
 * @property {number} [storeUs]  CPU of the store beside the server for each of them, where there is one.
 * @property {number} generatorBusy  Share of one core that the load generator used, 0 to 1.
 */

/** One measured window: the server's CPU and memory, the generator's CPU, and latencies. */
export class Meter {
  latency = new Histogram();
  #pids;
  #storePids;
  #startedAt = 0;
  #serverCpu = { user: 0, system: 0 };
  #storeCpu = { user: 0, system: 0 };
  #ownCpu = process.cpuUsage();

  /** @param {Pick<import('./worker.js').Job, 'pid' | 'morePids' | 'storePid'>} job */
  constructor({ pid, morePids = [], storePid }) {
    this.#pids = [pid, ...morePids];
    this.#storePids = storePid === undefined ? [] : [storePid];
  }

  start() {
    this.latency.clear();
    this.#ownCpu = process.cpuUsage();
    this.#serverCpu = cpuSeconds(...this.#pids);
    this.#storeCpu = cpuSeconds(...this.#storePids);
    this.#startedAt = performance.now();
  }

  /**
   * @param {number} count
   * @returns {Measurement}
   */
  stop(count) {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const now = cpuSeconds(...this.#pids);
    const store = cpuSeconds(...this.#storePids);
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
      rssMiB: rssBytes(...this.#pids) / 2 ** 20,
      ...(this.#storePids.length > 0
        ? { storeUs: ((store.user + store.system - this.#storeCpu.user - this.#storeCpu.system) * 1e6) / count }
        : {}),
      generatorBusy: (own.user + own.system) / 1e6 / seconds,
    };
  }
}
