import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';

export interface ConnectRate {
  /** Connects within two minutes; the next one blocks the device. */
  readonly per2Min: number;
  readonly blockMs: number;
}

const WINDOW_MS = 120_000;
/** Devices remembered; beyond, the one that connected longest ago is forgotten. */
const MAX_DEVICES = 100_000;

interface Connects {
  /** Monotonic ms, oldest first. */
  times: number[];
  blockedUntil: number;
}

/**
 * Blocks devices for a time that connect again and again (registration-protocols 1.1). Only good logins count: nobody can have
 * the device of another blocked.
 */
export class ConnectThrottle {
  readonly #clock: Clock;
  /** In the order of the last connect. */
  readonly #devices = new Map<DeviceId, Connects>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the device may connect now. */
  mayConnect(id: DeviceId, rate: ConnectRate | undefined): boolean {
    if (rate === undefined) return true;
    const now = this.#clock.monotonic();
    const known = this.#devices.get(id);
    if (known !== undefined && now < known.blockedUntil) return false;
    const times = (known?.times ?? []).filter((at) => now - at < WINDOW_MS);
    const allowed = times.length < rate.per2Min;
    // After a block the device begins anew.
    const next = allowed
      ? { times: [...times, now], blockedUntil: 0 }
      : { times: [], blockedUntil: now + rate.blockMs };
    this.#devices.delete(id);
    this.#devices.set(id, next);
    const oldest = this.#devices.size > MAX_DEVICES ? this.#devices.keys().next() : undefined;
    if (oldest?.done === false) this.#devices.delete(oldest.value);
    return allowed;
  }

  get size(): number {
    return this.#devices.size;
  }
}
