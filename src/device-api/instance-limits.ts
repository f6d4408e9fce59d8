import type { Clock } from '../model/clock.ts';
import { parseRateLimit, TokenBuckets } from '../model/rate-limit.ts';

/**
 * Rate limits of all devices of the instance together: ThingsBoard's tenant limits (thingsboard-device-api 7.3). They are
 * asked before a device's own, and what they gave is spent even when the device's own limit then refuses.
 */
export class InstanceLimits {
  readonly #clock: Clock;
  readonly #messages: TokenBuckets | undefined;
  readonly #telemetryMessages: TokenBuckets | undefined;
  readonly #telemetryDataPoints: TokenBuckets | undefined;

  /** Texts such as `1000:1,20000:60`; '' = no limit. */
  constructor(clock: Clock, texts: Readonly<Record<'messages' | 'telemetryMessages' | 'telemetryDataPoints', string>>) {
    this.#clock = clock;
    this.#messages = bucketsOf(texts.messages);
    this.#telemetryMessages = bucketsOf(texts.telemetryMessages);
    this.#telemetryDataPoints = bucketsOf(texts.telemetryDataPoints);
  }

  /** One publish with that many keys; none counts as a message of the other kind. */
  takeTelemetry(dataPoints: number): boolean {
    if (dataPoints === 0) return this.takeMessage();
    const now = this.#clock.monotonic();
    if (this.#telemetryMessages?.tryTake(1, now) === false) return false;
    return this.#telemetryDataPoints?.tryTake(dataPoints, now) !== false;
  }

  takeMessage(): boolean {
    return this.#messages?.tryTake(1, this.#clock.monotonic()) !== false;
  }
}

function bucketsOf(text: string): TokenBuckets | undefined {
  const parsed = parseRateLimit(text);
  return parsed.ok && parsed.value.length > 0 ? new TokenBuckets(parsed.value) : undefined; // config refuses other texts
}
