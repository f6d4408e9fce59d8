/** Of all together, and of one peer, in waiting. */
export interface FairQueueLimits {
  readonly max: number;
  readonly maxPerPeer: number;
}

interface Job {
  readonly run: () => Promise<void>;
  readonly refuse: () => void;
}

/**
 * One job at a time, peers in turn: many jobs of one peer hold up another's by one. When all places are taken, a peer
 * that has none gets the last one of whoever has most.
 */
export class FairQueue {
  readonly #limits: FairQueueLimits;
  /** In the order of their turns. */
  readonly #waiting = new Map<string, Job[]>();
  #size = 0;
  #running = false;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  /** Rejects with what `refusal` makes when there is no place, or when it is lost to another peer. */
  run<T>(address: string, work: () => Promise<T>, refusal: () => Error): Promise<T> {
    const peer = peerOf(address);
    const own = this.#waiting.get(peer) ?? [];
    if (own.length >= this.#limits.maxPerPeer) return Promise.reject(refusal());
    if (this.#size >= this.#limits.max && !(own.length === 0 && this.#makeRoom())) return Promise.reject(refusal());
    return new Promise<T>((resolve, reject) => {
      own.push({ run: () => work().then(resolve, reject), refuse: () => reject(refusal()) });
      this.#waiting.set(peer, own);
      this.#size++;
      if (!this.#running) void this.#go();
    });
  }

  async #go(): Promise<void> {
    this.#running = true;
    for (let job = this.#next(); job; job = this.#next()) await job.run();
    this.#running = false;
  }

  #next(): Job | undefined {
    for (const [peer, jobs] of this.#waiting) {
      const job = jobs.shift();
      this.#waiting.delete(peer);
      if (jobs.length > 0) this.#waiting.set(peer, jobs); // behind the others
      if (job) {
        this.#size--;
        return job;
      }
    }
    return undefined;
  }

  #makeRoom(): boolean {
    let most: Job[] = [];
    for (const jobs of this.#waiting.values()) if (jobs.length > most.length) most = jobs;
    if (most.length < 2) return false;
    most.pop()?.refuse();
    this.#size--;
    return true;
  }
}

/** Addresses that one peer has for the asking count as one: all of an IPv6 network of 64 bits. */
export function peerOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address; // IPv4, also as ::ffff:192.0.2.1
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array<string>(zeros).fill('0'), ...last].slice(0, 4).join(':');
}
