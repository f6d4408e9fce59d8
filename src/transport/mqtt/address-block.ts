export interface AddressBlockOptions {
  /** Wrong logins of one address after which it is blocked. */
  readonly maxFailures: number;
  /** How long, counted from the last wrong login, ms. */
  readonly blockMs: number;
  /** Addresses remembered; beyond, the one that failed longest ago is forgotten. */
  readonly maxAddresses: number;
}

interface Failures {
  count: number;
  last: number;
}

/** Addresses whose connections are dropped unread after too many wrong logins (thingsboard-device-api 7.4). */
export class AddressBlock {
  readonly #options: AddressBlockOptions;
  readonly #monotonic: () => number;
  /** In the order of the last failure, oldest first. */
  readonly #failures = new Map<string, Failures>();

  constructor(options: AddressBlockOptions, monotonic: () => number = () => performance.now()) {
    this.#options = options;
    this.#monotonic = monotonic;
  }

  isBlocked(address: string): boolean {
    const failures = this.#failures.get(address);
    if (failures === undefined || failures.count < this.#options.maxFailures) return false;
    if (this.#monotonic() - failures.last < this.#options.blockMs) return true;
    this.#failures.delete(address);
    return false;
  }

  failed(address: string): void {
    const count = (this.#failures.get(address)?.count ?? 0) + 1;
    this.#failures.delete(address);
    this.#failures.set(address, { count, last: this.#monotonic() });
    if (this.#failures.size <= this.#options.maxAddresses) return;
    const oldest = this.#failures.keys().next();
    if (!oldest.done) this.#failures.delete(oldest.value);
  }

  /** One good login makes everything good. */
  succeeded(address: string): void {
    this.#failures.delete(address);
  }

  get size(): number {
    return this.#failures.size;
  }
}
