/** One unit of work of an originator: done when it returns, or when its promise settles. It must not throw or reject. */
export type Job = () => undefined | Promise<void>;

export interface OriginatorQueueOptions {
  /** Jobs that may wait per originator. */
  readonly maxWaiting: number;
  /** Jobs that may wait in all. */
  readonly maxWaitingTotal: number;
}

interface Waiting {
  readonly jobs: Job[];
  next: number;
}

/**
 * First in, first out per originator; originators run independently (design.md 5.3). A job that finishes at once costs no
 * promise and no queue entry: an originator has an entry only while one of its jobs is under way.
 */
export class OriginatorQueue {
  readonly #busy = new Map<string, Waiting>();
  readonly #options: OriginatorQueueOptions;
  #waiting = 0;
  #idle: (() => void)[] = [];

  constructor(options: OriginatorQueueOptions) {
    this.#options = options;
  }

  /** False when the queue is full: the job will not run. */
  run(originator: string, job: Job): boolean {
    const busy = this.#busy.get(originator);
    if (busy) {
      const { maxWaiting, maxWaitingTotal } = this.#options;
      if (busy.jobs.length - busy.next >= maxWaiting || this.#waiting >= maxWaitingTotal) return false;
      busy.jobs.push(job);
      this.#waiting++;
      return true;
    }
    const running = job();
    if (running) {
      this.#busy.set(originator, { jobs: [], next: 0 });
      void running.then(() => this.#continue(originator));
    }
    return true;
  }

  /** Jobs waiting behind a running one. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when no job is under way. */
  whenIdle(): Promise<void> {
    return this.#busy.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #continue(originator: string): void {
    const busy = this.#busy.get(originator);
    if (!busy) return;
    while (busy.next < busy.jobs.length) {
      const job = busy.jobs[busy.next++] as Job;
      this.#waiting--;
      const running = job();
      if (running) {
        if (busy.next > 64) {
          busy.jobs.splice(0, busy.next);
          busy.next = 0;
        }
        void running.then(() => this.#continue(originator));
        return;
      }
    }
    this.#busy.delete(originator);
    if (this.#busy.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
