import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import { ALARM_RULES_DUE, type AlarmStates, type DueAlarms } from '../rules/index.ts';
import type { AlarmStateStore } from '../storage/alarm-state-store.ts';
import type { MessageRunner } from './message-runner.ts';
import type { AlarmsElsewhere } from './other-instances.ts';

const CHECK_MS = 1_000;
/** Evaluations that one check starts: a bit of work for the event loop. */
const MAX_PER_CHECK = 500;
/** States that are taken up at the start. */
const MAX_AT_START = 100_000;

export interface AlarmTimer {
  /** Takes up what the store knows, after another instance has ended. */
  takeUp(): void;
  stop(): void;
}

/**
 * Lets alarm rules be evaluated when nothing but time has passed: a duration is over, or a device has been silent. One timer
 * for all devices. `stop` ends it.
 */
export function startAlarmTimer(parts: {
  readonly states: AlarmStates;
  readonly store: AlarmStateStore;
  readonly device: (id: DeviceId) => Promise<Device | undefined>;
  readonly runAt: MessageRunner['runAt'];
  readonly elsewhere: AlarmsElsewhere;
  readonly clock: Clock;
  readonly log: Log;
}): AlarmTimer {
  const { states, clock, log } = parts;
  let stopped = false;

  const look = async ({ at, originator }: DueAlarms): Promise<void> => {
    if (await parts.elsewhere.takes(originator.id, at)) return;
    const device = await parts.device(originator.id);
    if (device === undefined || stopped) return;
    const metadata = { deviceName: device.name, deviceType: device.profile };
    const current = { ...originator, name: device.name, profile: device.profile };
    parts.runAt(at, { type: ALARM_RULES_DUE, originator: current, data: {}, metadata });
  };
  const failed = (error: unknown): void =>
    log.error({ event: 'alarm.not-checked', err: error }, 'alarm rules of a device could not be evaluated in time');
  const check = (): void => {
    for (const due of states.takeDue(clock.now(), MAX_PER_CHECK)) look(due).catch(failed);
  };
  const takeUp = async (): Promise<void> => {
    for (const { deviceId, at, dueAt } of await parts.store.due(MAX_AT_START)) {
      const device = await parts.device(deviceId);
      if (device === undefined || stopped) continue;
      const originator = { entityType: 'DEVICE', id: deviceId, name: device.name, profile: device.profile } as const;
      states.setDue(at, originator, dueAt);
    }
  };

  takeUp().catch(failed);
  parts.elsewhere.onDue((id, at) => {
    const work = async (): Promise<void> => {
      const device = await parts.device(id);
      if (device === undefined || stopped) return;
      const { name, profile } = device;
      states.setDue(at, { entityType: 'DEVICE', id, name, profile }, clock.now());
    };
    work().catch(failed);
  });
  const timer = setInterval(check, CHECK_MS);
  timer.unref();
  return {
    takeUp: () => void takeUp().catch(failed),
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
