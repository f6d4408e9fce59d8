import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import { type DefaultLimits, DeviceLimits } from './device-limits.ts';
import type { InstanceLimits } from './instance-limits.ts';
import type { UplinkMeter } from './uplink.ts';

export interface GatewayLimitTexts {
  /** The sum of a gateway's sub-devices. */
  readonly subDevices: DefaultLimits;
  /** The gateway's own messages; its profile's limits win. */
  readonly own: DefaultLimits;
}

const NONE = { limits: {} };

/**
 * Rate limits of gateways (thingsboard-device-api 4.2, 7.3): what sub-devices send counts for all of a gateway's together
 * and never as the gateway's own. Both outlive the connection.
 */
export class GatewayLimits {
  readonly texts: GatewayLimitTexts;
  readonly #sum: DeviceLimits;
  readonly #own: DeviceLimits;

  constructor(clock: Clock, texts: GatewayLimitTexts, instance?: InstanceLimits) {
    this.texts = texts;
    this.#sum = new DeviceLimits(clock, texts.subDevices, instance);
    this.#own = new DeviceLimits(clock, texts.own, instance);
  }

  /** One for all sub-devices of the gateway. */
  meterOfSubDevices(gateway: DeviceId): UplinkMeter {
    return {
      takeTelemetry: (_profile, dataPoints) => this.#sum.takeTelemetry(gateway, NONE, dataPoints),
      takeMessage: () => this.#sum.takeMessage(gateway, NONE),
    };
  }

  meterOfGateway(gateway: DeviceId): UplinkMeter {
    return {
      takeTelemetry: (profile, dataPoints) => this.#own.takeTelemetry(gateway, profile, dataPoints),
      takeMessage: (profile) => this.#own.takeMessage(gateway, profile),
    };
  }

  /** A sub-device's session is opened, or the device created: one message each. */
  takeMessage(gateway: DeviceId): boolean {
    return this.#sum.takeMessage(gateway, NONE);
  }
}
