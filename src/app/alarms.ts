import {
  type AlarmsElsewhere,
  type AlarmTimer,
  announceAlarms,
  createAlarmAccess,
  type EntityAccess,
  type MessageRunner,
  startAlarmTimer,
} from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { ProfileSet } from '../profiles/index.ts';
import { createAlarms } from '../registry/alarms.ts';
import type { Registry } from '../registry/registry.ts';
import { AlarmStates } from '../rules/index.ts';
import type { Storage } from '../storage/storage.ts';

/** Devices, at each node with alarm rules, whose state is kept in memory. */
const MAX_STATES = 100_000;

/** Alarms, and the rules of device profiles that raise them. `start` once the runner is there. */
export function startAlarms(parts: {
  readonly storage: Pick<Storage, 'alarms' | 'alarmStates' | 'audit'>;
  readonly profiles: () => ProfileSet;
  readonly registry: Pick<Registry, 'device'>;
  /** Whether no other instance has messages of the device. */
  readonly ours: (id: string) => boolean;
  readonly elsewhere: AlarmsElsewhere;
  readonly clock: Clock;
  readonly log: Log;
}) {
  const { storage, profiles, registry, clock, log } = parts;
  const alarms = createAlarms({ store: storage.alarms, audit: storage.audit, clock });
  const states = new AlarmStates(MAX_STATES, parts.ours);
  const store = storage.alarmStates;
  let timer: AlarmTimer | undefined;
  return {
    alarms,
    access: createAlarmAccess({ alarms, states, store, profiles }),
    start(runner: Pick<MessageRunner, 'raise' | 'runAt'>, entities: Pick<EntityAccess, 'entity'>): void {
      const { raise, runAt } = runner;
      announceAlarms(alarms, { entity: (id) => entities.entity(id), raise, log });
      timer = startAlarmTimer({
        states,
        store,
        device: (id) => registry.device(id),
        runAt,
        elsewhere: parts.elsewhere,
        clock,
        log,
      });
    },
    /** A device has come here: another instance may have had it. */
    forget: (id: DeviceId) => states.forget(id),
    /** Another instance has ended: what it waited for falls to this one. */
    takeUp: () => timer?.takeUp(),
    /** No rule is looked at any more for the sake of time. */
    stop(): void {
      timer?.stop();
    },
  };
}
