import { type Alarm, describeAlarm } from '../model/alarm.ts';
import type { EntityId } from '../model/entity.ts';
import type { Originator } from '../model/msg.ts';
import type { Log } from '../observe/index.ts';
import type { AlarmEvent, Alarms } from '../registry/alarms.ts';
import type { EntityEvent } from './entity-makers.ts';

/** How the chains hear of what became of an alarm, in ThingsBoard's words. Nodes tell of updates by themselves. */
const TOLD = {
  created: { type: 'ENTITY_CREATED', metadata: { isNewAlarm: 'true', entityType: 'ALARM' } },
  cleared: { type: 'ALARM_CLEAR', metadata: { isClearedAlarm: 'true' } },
  acknowledged: { type: 'ALARM_ACK', metadata: { isExistingAlarm: 'true' } },
  assigned: { type: 'ALARM_ASSIGNED', metadata: { isExistingAlarm: 'true' } },
  unassigned: { type: 'ALARM_UNASSIGNED', metadata: { isExistingAlarm: 'true' } },
  deleted: { type: 'ALARM_DELETE', metadata: {} },
} as const satisfies Partial<Record<AlarmEvent, Pick<EntityEvent, 'type' | 'metadata'>>>;

/**
 * Tells the chains what becomes of alarms, as messages of the alarm's originator. Nobody waits for them: what a full queue
 * refuses is lost.
 */
export function announceAlarms(
  alarms: Pick<Alarms, 'onEvent'>,
  parts: {
    readonly entity: (id: EntityId) => Promise<Originator | undefined>;
    readonly raise: (event: EntityEvent, hops?: number) => void;
    readonly log: Log;
  },
): void {
  const tell = async (told: Pick<EntityEvent, 'type' | 'metadata'>, alarm: Alarm, hops?: number): Promise<void> => {
    const originator = await parts.entity(alarm.originator);
    if (originator === undefined) return;
    const device =
      originator.entityType === 'DEVICE' ? { deviceName: originator.name, deviceType: originator.profile } : {};
    parts.raise({ ...told, originator, data: describeAlarm(alarm), metadata: { ...device, ...told.metadata } }, hops);
  };
  alarms.onEvent((event, alarm, hops) => {
    if (event === 'severity-updated') return;
    tell(TOLD[event], alarm, hops).catch((error: unknown) =>
      parts.log.warn({ event: 'alarm.not-told', alarm: alarm.id, err: error }, 'chains did not hear of an alarm'),
    );
  });
}
