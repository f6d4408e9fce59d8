import type { DeviceId } from '../model/ids.ts';

export type PollKind = 'shared-attributes' | 'rpc';

/** How a long poll ended. `full`: too many wait already; `stopped`: the instance is going down. */
export type PollEnd =
  | { readonly kind: 'update'; readonly text: string }
  | { readonly kind: 'timeout' | 'device-deleted' | 'device-disabled' | 'full' | 'stopped' };

export interface LongPollLimits {
  /** Polls of all devices that may wait at a time. */
  readonly max: number;
  /** Polls of one device that may wait at a time. */
  readonly maxPerDevice: number;
  readonly maxTimeoutMs: number;
}

interface Poll {
  readonly kind: PollKind;
  end(result: PollEnd): void;
}

/** Requests that wait for something to come for their device (thingsboard-device-api 6.1); bounded in number and time. */
export class LongPolls {
  readonly #limits: LongPollLimits;
  readonly #byDevice = new Map<DeviceId, Set<Poll>>();
  #size = 0;
  #stopped = false;

  constructor(limits: LongPollLimits) {
    this.#limits = limits;
  }

  /** Waits for one thing of that kind. @param signal aborted when nobody waits for the answer any more. */
  wait(id: DeviceId, kind: PollKind, timeoutMs: number, signal?: AbortSignal): Promise<PollEnd> {
    const polls = this.#byDevice.get(id) ?? new Set<Poll>();
    if (this.#stopped) return Promise.resolve({ kind: 'stopped' });
    const { max, maxPerDevice, maxTimeoutMs } = this.#limits;
    if (this.#size >= max || polls.size >= maxPerDevice) return Promise.resolve({ kind: 'full' });
    return new Promise((resolve) => {
      const end = (result: PollEnd): void => {
        if (!polls.delete(poll)) return;
        this.#size--;
        clearTimeout(timer);
        signal?.removeEventListener('abort', gaveUp);
        if (polls.size === 0 && this.#byDevice.get(id) === polls) this.#byDevice.delete(id);
        resolve(result);
      };
      const gaveUp = (): void => end({ kind: 'timeout' });
      const poll: Poll = { kind, end };
      const timer = setTimeout(gaveUp, Math.min(Math.max(timeoutMs, 0), maxTimeoutMs));
      polls.add(poll);
      this.#byDevice.set(id, polls);
      this.#size++;
      signal?.addEventListener('abort', gaveUp, { once: true });
      if (signal?.aborted) gaveUp();
    });
  }

  /** Something came: every poll of that kind is answered with it. Gives how many there were. */
  push(id: DeviceId, kind: PollKind, text: string): number {
    const polls = [...(this.#byDevice.get(id) ?? [])].filter((poll) => poll.kind === kind);
    for (const poll of polls) poll.end({ kind: 'update', text });
    return polls.length;
  }

  /** The device is deleted, or may do nothing any more. */
  forget(id: DeviceId, kind: 'device-deleted' | 'device-disabled'): void {
    for (const poll of [...(this.#byDevice.get(id) ?? [])]) poll.end({ kind });
  }

  /** Ends all, and every later one at once. */
  stop(): void {
    this.#stopped = true;
    for (const polls of [...this.#byDevice.values()]) for (const poll of [...polls]) poll.end({ kind: 'stopped' });
  }

  get size(): number {
    return this.#size;
  }
}
