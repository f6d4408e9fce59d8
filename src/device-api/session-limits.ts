import type { DeviceProfile } from '../profiles/index.ts';
import type { DefaultLimits } from './device-limits.ts';

/** What the front itself limits. */
export interface FrontLimits {
  /** Largest payload, bytes. */
  readonly maxPayloadSize: number;
  /** Messages that may wait for the login. */
  readonly maxInflightMessages: number;
}

/** The answer to `getSessionLimits` (thingsboard-device-api 3.9); `gateway`: limits of the sum of its sub-devices. */
export function formatSessionLimits(
  front: FrontLimits,
  own: { readonly profile: DeviceProfile | undefined; readonly defaults: DefaultLimits },
  gateway: DefaultLimits | undefined,
): string {
  const { maxPayloadSize, maxInflightMessages } = front;
  const limits = own.profile?.limits;
  const rateLimits = {
    messages: limits?.messages ?? own.defaults.messages,
    telemetryMessages: limits?.telemetryMessages ?? own.defaults.telemetryMessages,
    telemetryDataPoints: limits?.telemetryDataPoints ?? own.defaults.telemetryDataPoints,
  };
  return JSON.stringify({ maxPayloadSize, maxInflightMessages, rateLimits, ...gatewayPart(gateway) });
}

function gatewayPart(limits: DefaultLimits | undefined) {
  if (!limits) return {};
  const { messages, telemetryMessages, telemetryDataPoints } = limits;
  return { gatewayRateLimits: { messages, telemetryMessages, telemetryDataPoints } };
}
