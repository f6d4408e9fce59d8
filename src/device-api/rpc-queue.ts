import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { PersistentRpc, RpcId, RpcState, RpcStrategy } from '../model/rpc.ts';
import type { RpcStore } from '../storage/rpc-store.ts';

/** A call as a device gets it; `params` is exact JSON text. */
export interface CallToDevice {
  readonly id: number;
  readonly method: string;
  readonly params: string;
}

/** Where the calls of a device go: a session that subscribed, a gateway's, a long poll. */
export interface RpcLink {
  /**
   * Hands a call over. `delivered`: written, nothing more will be heard of it; `sent`: call `acknowledged` once the device
   * has taken it (false: refused it); `refused`: it takes nothing now.
   */
  send(call: CallToDevice, acknowledged: (taken: boolean) => void): 'delivered' | 'sent' | 'refused';
  /** A call was not acknowledged in time, and the configuration wants the connection to end then. */
  close?(): void;
}

/** What became of a call. `text` is what the device answered, JSON or not. */
export type RpcOutcome =
  | { readonly kind: 'response'; readonly text: string }
  /** One-way: written to the device. */
  | { readonly kind: 'done' }
  /** `no-session`: the device did not come within the time of the call. */
  | { readonly kind: 'timeout' | 'no-session' | 'busy' | 'shutting-down' };

export interface RpcQueueOptions {
  readonly strategy: RpcStrategy;
  /** Time for the acknowledgement of a call, ms. */
  readonly ackTimeoutMs: number;
  /** Times a persistent call is delivered again. */
  readonly maxRetries: number;
  readonly closeOnDeliveryTimeout: boolean;
}

export interface RpcQueueParts {
  readonly store: RpcStore;
  readonly clock: Clock;
  readonly options: RpcQueueOptions;
  /** A state could not be stored, or calls not be read. */
  readonly onError: (error: unknown) => void;
  /** The device takes nothing now: \`pump\` again before long. */
  readonly onRefused: (queue: RpcQueue) => void;
  readonly onLoaded: (device: DeviceId) => void;
}

/**
 * A call in memory: `unheard` was not acknowledged and waits for the next connection, `delivered` for its response, `carried`
 * is with another instance.
 */
export interface Entry {
  /** Wall time of its creation, ms: the order of the calls. */
  readonly at: number;
  readonly expiresAt: number;
  readonly method: string;
  readonly params: string;
  readonly oneway: boolean;
  readonly stored?: PersistentRpc;
  readonly settle?: (outcome: RpcOutcome) => void;
  state: 'waiting' | 'sent' | 'unheard' | 'delivered' | 'carried';
  everSent: boolean;
  retries: number;
  id?: number;
  link?: RpcLink;
  ackTimer?: NodeJS.Timeout;
}

/** Persistent calls that are read from the store at a time. */
const LOAD = 100;
const EXHAUSTED = 'There was a Timeout and all retry attempts have been exhausted. Retry attempts set: ';

/** The calls of one device, in order. Persistent ones are in memory only while the device listens. */
export class RpcQueue {
  readonly #device: DeviceId;
  readonly #parts: RpcQueueParts;
  readonly #takeId: () => number;
  #entries: Entry[] = [];
  readonly #links: RpcLink[] = [];
  /** Persistent calls whose end is being stored: a read may still show them unfinished. */
  readonly #ending = new Set<RpcId>();
  #loading = false;
  /** There may be more in the store behind those in memory. */
  #more = false;

  constructor(device: DeviceId, parts: RpcQueueParts, takeId: () => number) {
    this.#device = device;
    this.#parts = parts;
    this.#takeId = takeId;
  }

  get idle(): boolean {
    return this.#entries.length === 0 && this.#links.length === 0 && !this.#loading;
  }

  /** Calls that are not persistent. */
  get inMemory(): number {
    return this.#entries.filter((entry) => !entry.stored).length;
  }

  /** Whether a connection takes calls. */
  get listens(): boolean {
    return this.#links.length > 0;
  }

  /** Calls that another instance may take over. */
  get movable(): readonly Entry[] {
    return this.#entries.filter(({ stored, state }) => !stored && (state === 'waiting' || state === 'unheard'));
  }

  /** There may be persistent calls in the store that are not here. */
  reload(): void {
    if (this.listens) void this.#load();
  }

  /** From now on calls go to this link, the newest one. What waits is handed over soon, never within this call. */
  listen(link: RpcLink): void {
    if (this.#links.includes(link)) return;
    this.#links.push(link);
    void this.#load();
  }

  unlisten(link: RpcLink): void {
    const at = this.#links.indexOf(link);
    if (at < 0) return;
    this.#links.splice(at, 1);
    for (const entry of this.#entries) {
      if (entry.link !== link || entry.state === 'delivered') continue;
      clearTimeout(entry.ackTimer);
      entry.state = 'waiting';
    }
    if (this.#links.length > 0) this.pump();
    else this.#forgetStored();
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.pump();
  }

  /** A persistent call that has been stored. */
  addStored(rpc: PersistentRpc): void {
    if (this.#links.length === 0 || this.#more || this.#has(rpc.id)) return;
    if (this.#loading)
      this.#more = true; // the read under way may have missed it
    else this.add(toEntry(rpc));
  }

  has(entry: Entry): boolean {
    return this.#entries.includes(entry);
  }

  remove(entry: Entry): void {
    clearTimeout(entry.ackTimer);
    const at = this.#entries.indexOf(entry);
    if (at >= 0) this.#entries.splice(at, 1);
  }

  /** A persistent call has expired or was deleted. */
  dropStored(id: RpcId): void {
    const entry = this.#entries.find(({ stored }) => stored?.id === id);
    if (!entry) return;
    this.remove(entry);
    this.pump();
  }

  /** The device's answer; false: no such call waits for one. Resolves once it is durable, for a persistent call. */
  async answer(id: number, text: string, isJson: boolean): Promise<boolean> {
    const entry = this.#entries.find((one) => one.id === id && one.everSent);
    if (!entry) return false;
    if (entry.oneway) return true;
    this.remove(entry);
    entry.settle?.({ kind: 'response', text });
    const response = isJson ? text : JSON.stringify({ error: text });
    const stored = this.#end(entry, 'SUCCESSFUL', response);
    this.pump();
    try {
      await stored;
    } catch (error) {
      entry.state = 'delivered';
      this.#entries.push(entry); // not acknowledged: the device may say it again
      throw error;
    }
    return true;
  }

  /** Ends all that wait in memory. */
  stop(): void {
    for (const entry of this.#entries.splice(0)) {
      clearTimeout(entry.ackTimer);
      entry.settle?.({ kind: 'shutting-down' });
    }
    this.#links.length = 0;
  }

  /** Hands over what may go now. */
  pump(): void {
    while (!this.#loading) {
      const link = this.#links.at(-1);
      const entry = this.#next();
      if (!link) return;
      if (entry && entry.expiresAt <= this.#parts.clock.now()) {
        if (entry.stored)
          this.remove(entry); // the next sweep notes it
        else entry.state = 'unheard'; // its own timer ends it
        continue;
      }
      if (!entry) {
        if (this.#more && !this.#entries.some(({ state }) => state === 'waiting')) void this.#load();
        return;
      }
      entry.id ??= this.#takeId();
      const { id, method, params } = entry;
      const result = link.send({ id, method, params }, (taken) => this.#acknowledged(entry, link, taken));
      if (result === 'refused') {
        this.#parts.onRefused(this);
        return;
      }
      entry.link = link;
      entry.everSent = true;
      if (result === 'delivered') this.#delivered(entry);
      else this.#sent(entry);
    }
  }

  /** The first call that may leave; the sequential strategies wait for the one before. */
  #next(): Entry | undefined {
    const { strategy } = this.#parts.options;
    for (const entry of this.#entries) {
      if (entry.state === 'waiting') return entry;
      if (strategy !== 'BURST' && entry.state === 'sent') return undefined;
      if (strategy === 'SEQUENTIAL_ON_RESPONSE_FROM_DEVICE' && entry.state === 'delivered') return undefined;
    }
    return undefined;
  }

  #sent(entry: Entry): void {
    entry.state = 'sent';
    this.#note(entry, 'SENT');
    if (!entry.stored && entry.oneway) {
      this.remove(entry);
      entry.settle?.({ kind: 'done' });
      return;
    }
    const { clock, options } = this.#parts;
    const waitMs = Math.min(options.ackTimeoutMs, Math.max(1, entry.expiresAt - clock.now()));
    entry.ackTimer = setTimeout(() => this.#unheard(entry), waitMs);
    entry.ackTimer.unref();
  }

  #acknowledged(entry: Entry, link: RpcLink, taken: boolean): void {
    const awaited = entry.link === link && (entry.state === 'sent' || entry.state === 'unheard');
    if (!awaited || !this.#entries.includes(entry)) {
      this.pump(); // the link may have room now
      return;
    }
    clearTimeout(entry.ackTimer);
    if (!taken) {
      this.#unheard(entry);
      return;
    }
    this.#delivered(entry);
    this.pump();
  }

  #delivered(entry: Entry): void {
    entry.state = 'delivered';
    if (!entry.oneway) {
      this.#note(entry, 'DELIVERED');
      return;
    }
    this.remove(entry);
    entry.settle?.({ kind: 'done' });
    this.#end(entry, 'DELIVERED').catch(this.#parts.onError);
  }

  /** No acknowledgement in time: sequential strategies try a persistent call again, at once. */
  #unheard(entry: Entry): void {
    if (!this.#entries.includes(entry)) return;
    const { options } = this.#parts;
    const link = entry.link;
    const maxRetries = Math.min(options.maxRetries, entry.stored?.maxRetries ?? options.maxRetries);
    if (entry.stored && entry.retries >= maxRetries) {
      this.remove(entry);
      this.#end(entry, 'FAILED', JSON.stringify({ error: EXHAUSTED + maxRetries })).catch(this.#parts.onError);
    } else {
      entry.retries++;
      entry.state = entry.stored && options.strategy !== 'BURST' ? 'waiting' : 'unheard';
      this.#note(entry, 'TIMEOUT');
    }
    if (options.closeOnDeliveryTimeout) link?.close?.();
    else this.pump();
  }

  #note(entry: Entry, state: RpcState): void {
    const { store, clock, onError } = this.#parts;
    if (entry.stored) store.update(entry.stored.id, { state, at: clock.now(), retries: entry.retries }).catch(onError);
  }

  async #end(entry: Entry, state: RpcState, response?: string): Promise<void> {
    const { store, clock } = this.#parts;
    if (!entry.stored) return;
    const { id } = entry.stored;
    this.#ending.add(id);
    try {
      const change = { state, at: clock.now(), retries: entry.retries };
      await store.update(id, response === undefined ? change : { ...change, response });
    } finally {
      this.#ending.delete(id);
    }
  }

  async #load(): Promise<void> {
    if (this.#loading) {
      this.#more = true;
      return;
    }
    this.#loading = true;
    try {
      do {
        this.#more = false;
        const { store, clock } = this.#parts;
        // Those in memory and those just ended may still be among the undelivered: there must be room for others.
        const limit = LOAD + this.#ending.size + this.#entries.filter(({ stored }) => stored).length;
        const found = await store.undelivered(this.#device, { now: clock.now(), limit });
        const fresh = found.filter(({ id }) => !this.#ending.has(id) && !this.#has(id));
        for (const rpc of fresh) this.#insert(toEntry(rpc));
        if (found.length >= limit) {
          this.#more = true;
          break;
        }
      } while (this.#more);
    } catch (error) {
      this.#parts.onError(error);
    } finally {
      this.#loading = false;
    }
    if (this.#links.length === 0) this.#forgetStored();
    this.pump();
    this.#parts.onLoaded(this.#device);
  }

  /** By its time of creation among those in memory, which have theirs. */
  #insert(entry: Entry): void {
    const at = this.#entries.findIndex((one) => one.state === 'waiting' && one.at > entry.at);
    if (at < 0) this.#entries.push(entry);
    else this.#entries.splice(at, 0, entry);
  }

  /** Persistent calls can be read again, but for those that wait for the answer to the id they were sent with. */
  #forgetStored(): void {
    this.#entries = this.#entries.filter((entry) => !entry.stored || entry.state === 'delivered');
  }

  #has(id: RpcId): boolean {
    return this.#entries.some(({ stored }) => stored?.id === id);
  }
}

const toEntry = (rpc: PersistentRpc): Entry => ({
  at: rpc.createdAt,
  expiresAt: rpc.expiresAt,
  method: rpc.method,
  params: rpc.params,
  oneway: rpc.oneway,
  stored: rpc,
  state: 'waiting',
  everSent: false,
  retries: rpc.retries,
});
