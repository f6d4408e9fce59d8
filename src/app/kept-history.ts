import type { DeviceConfigs } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { Retirements } from '../registry/retirements.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';
import { startRetention } from '../telemetry/retention.ts';
import { sweepRetiredDevices } from './retired-devices.ts';

export interface KeptHistoryParts {
  readonly telemetry: TelemetryStore;
  readonly registry: Registry;
  readonly retirements: Retirements;
  readonly configs: Pick<DeviceConfigs, 'remove'>;
  readonly profiles: () => ProfileSet;
  readonly clock: Clock;
  readonly log: Log;
}

/** Drops history that is older than its device's profile keeps it, and retired devices after their time. */
export function keepHistory({ telemetry, configs, ...parts }: KeptHistoryParts) {
  const { registry, profiles, clock, log } = parts;
  const retired = sweepRetiredDevices({ ...parts, onRemoved: (id, by) => configs.remove(id, by) });
  const history = startRetention({
    store: telemetry,
    clock,
    stepMs: 10_000,
    entitiesPerStep: 200,
    async keepMs(id) {
      // What is no device has no profile: its history is kept.
      const device = await registry.device(id as DeviceId);
      return device ? profiles().byName(device.profile)?.retention.historyMs : undefined;
    },
    onRemoved: (records) => log.debug({ event: 'retention', records }, 'old history removed'),
    onError: (error) => log.error({ event: 'retention.failed', err: error }, 'old history could not be removed'),
  });
  return {
    async stop(): Promise<void> {
      await Promise.all([retired.stop(), history.stop()]);
    },
  };
}
