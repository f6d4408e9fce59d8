import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import { parseRateLimit, TokenBuckets } from '../model/rate-limit.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import type { InstanceLimits } from './instance-limits.ts';

/** The instance's limits; '' = none. */
export type DefaultLimits = Readonly<Record<'messages' | 'telemetryMessages' | 'telemetryDataPoints', string>>;

interface Entry {
  /** The texts the buckets were made from: a changed profile makes new ones. */
  readonly limits: DeviceProfile['limits'];
  readonly messages: TokenBuckets;
  readonly telemetryMessages: TokenBuckets;
  readonly telemetryDataPoints: TokenBuckets;
}

/**
 * Rate limits per device after thingsboard-device-api 7.3: a publish with n keys takes one telemetry message and n data
 * points, everything else one message. State outlives the connection, so that a reconnect refills nothing.
 */
export class DeviceLimits {
  readonly #entries = new Map<DeviceId, Entry>();
  readonly #clock: Clock;
  readonly #defaults: DefaultLimits;
  readonly #maxEntries: number;
  readonly #instance: InstanceLimits | undefined;

  /** @param instance limits of all devices together, asked first. */
  constructor(clock: Clock, defaults: DefaultLimits, instance?: InstanceLimits, maxEntries = 200_000) {
    this.#instance = instance;
    this.#clock = clock;
    this.#defaults = defaults;
    this.#maxEntries = maxEntries;
  }

  /** Of devices whose profile has none of its own. */
  get defaults(): DefaultLimits {
    return this.#defaults;
  }

  takeTelemetry(id: DeviceId, profile: Pick<DeviceProfile, 'limits'>, dataPoints: number): boolean {
    if (this.#instance?.takeTelemetry(dataPoints) === false) return false;
    const { limits } = profile;
    const { messages, telemetryMessages, telemetryDataPoints } = this.#defaults;
    if (!(limits.messages || limits.telemetryMessages || limits.telemetryDataPoints)) {
      if (!(messages || telemetryMessages || telemetryDataPoints)) return true;
    }
    const entry = this.#entry(id, limits);
    const now = this.#clock.monotonic();
    if (dataPoints === 0) return entry.messages.tryTake(1, now);
    return entry.telemetryMessages.tryTake(1, now) && entry.telemetryDataPoints.tryTake(dataPoints, now);
  }

  takeMessage(id: DeviceId, profile: Pick<DeviceProfile, 'limits'>): boolean {
    if (this.#instance?.takeMessage() === false) return false;
    if (!profile.limits.messages && !this.#defaults.messages) return true;
    return this.#entry(id, profile.limits).messages.tryTake(1, this.#clock.monotonic());
  }

  #entry(id: DeviceId, limits: DeviceProfile['limits']): Entry {
    const known = this.#entries.get(id);
    if (known && known.limits === limits) return known;
    const buckets = (text: string | undefined): TokenBuckets => {
      const parsed = parseRateLimit(text);
      return new TokenBuckets(parsed.ok ? parsed.value : []); // the profile's lint refuses texts that do not parse
    };
    const entry: Entry = {
      limits,
      messages: buckets(limits.messages ?? this.#defaults.messages),
      telemetryMessages: buckets(limits.telemetryMessages ?? this.#defaults.telemetryMessages),
      telemetryDataPoints: buckets(limits.telemetryDataPoints ?? this.#defaults.telemetryDataPoints),
    };
    if (this.#entries.size >= this.#maxEntries) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(id, entry);
    return entry;
  }
}
