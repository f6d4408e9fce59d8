import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { Retirement, Retirements } from '../registry/retirements.ts';

export interface RetiredDevicesParts {
  readonly retirements: Retirements;
  readonly registry: Pick<Registry, 'device' | 'removeRetired'>;
  readonly profiles: () => ProfileSet;
  /** Hears of a device that is gone. */
  readonly onRemoved: (id: DeviceId, by: string) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  /** Pause between two steps, ms. */
  readonly stepMs?: number;
}

const STEP_MS = 5_000;
const PER_STEP = 100;
const BY = 'retention';

/** Deletes retired devices, with all that is stored of them, when their profile keeps them no longer; in small steps, for ever. */
export function sweepRetiredDevices(parts: RetiredDevicesParts): { stop(): Promise<void> } {
  const { retirements, registry, profiles, onRemoved, clock, log, stepMs = STEP_MS } = parts;
  let after: DeviceId | undefined;
  let running: Promise<void> | undefined;

  const look = async (retirement: Retirement): Promise<void> => {
    const { id, at } = retirement;
    const device = await registry.device(id);
    if (device?.state === 'retired') {
      const keepMs = profiles().byName(device.profile)?.retention.retiredMs;
      if (keepMs === undefined || clock.now() < at + keepMs) return;
      if (!(await registry.removeRetired(id, BY))) return; // another broker, or it was replaced just now
      await onRemoved(id, BY);
      log.info({ event: 'device.retired-deleted', device: id }, 'retired device deleted: it has been kept long enough');
    }
    await retirements.drop(retirement);
  };

  const step = async (): Promise<void> => {
    try {
      const page = await retirements.list({ limit: PER_STEP, ...(after === undefined ? {} : { after }) });
      for (const retirement of page) await look(retirement);
      after = page.at(-1)?.id;
    } catch (err) {
      log.error({ event: 'device.retired-kept', err }, 'retired devices could not be deleted yet');
    } finally {
      running = undefined;
    }
  };
  const timer = setInterval(() => {
    running ??= step();
  }, stepMs);
  timer.unref();

  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
