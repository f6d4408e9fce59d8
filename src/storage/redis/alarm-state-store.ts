import type { AlarmNode, AlarmStateStore, StoredAlarmState } from '../alarm-state-store.ts';
import { membersOf } from './commit.ts';
import type { Word } from './connection.ts';
import type { Entities } from './entities.ts';
import { isId, KEYS } from './keys.ts';
import { createLanes, type LaneItem } from './lanes.ts';
import { recordOf, recordsOf } from './names.ts';
import type { Queue } from './queue.ts';
import { loadTimed } from './scripts.ts';

interface Item extends LaneItem {
  readonly field: string;
  readonly text: string;
  readonly dueAt: number | undefined;
}

const SAVE = loadTimed('save-alarm-states');
/** States that one script takes. */
const SCRIPT_ITEMS = 256;

export const fieldOf = (deviceId: string, { chain, node }: AlarmNode): string => `${deviceId}\0${chain}\n${node}`;

export function createAlarmStateStore(queue: Queue, entities: Pick<Entities, 'pass' | 'heedWriters'>): AlarmStateStore {
  const keys = [KEYS.devices, KEYS.alarmStates, KEYS.alarmStatesOf, KEYS.alarmStatesDue];
  const lanes = createLanes<Item>({
    queue,
    entities,
    async send(items, since) {
      for (let at = 0; at < items.length; at += SCRIPT_ITEMS) {
        const part = items.slice(at, at + SCRIPT_ITEMS);
        const words = part.flatMap(({ entityId, field, text, dueAt }): Word[] => [entityId, field, text, dueAt ?? '']);
        await queue.timed(SAVE, keys, words, since);
      }
    },
  });
  return {
    async save(state) {
      const { deviceId, at, dueAt } = state;
      if (!isId(deviceId)) return;
      const text = JSON.stringify(state);
      await lanes.join({ entityId: deviceId, bytes: text.length, field: fieldOf(deviceId, at), text, dueAt });
    },
    load: (deviceId, at) => recordOf<StoredAlarmState>(queue, KEYS.alarmStates, fieldOf(deviceId, at)),
    async due(limit) {
      const words = [KEYS.alarmStatesDue, 0, Math.max(0, limit) - 1];
      const fields = limit < 1 ? [] : ((await queue.send('zrange', words)) as readonly string[]);
      return recordsOf<StoredAlarmState>(queue, KEYS.alarmStates, fields);
    },
  };
}

/** All states of a device that has been deleted: one for each node that evaluates alarm rules. */
export async function dropAlarmStatesOf(queue: Queue, deviceId: string): Promise<void> {
  const fields = await membersOf(queue, KEYS.alarmStatesOf, `${deviceId}\0`);
  if (fields.length === 0) return;
  await Promise.all([
    queue.send('hdel', [KEYS.alarmStates, ...fields]),
    queue.send('zrem', [KEYS.alarmStatesDue, ...fields]),
  ]);
  await queue.send('zrem', [KEYS.alarmStatesOf, ...fields]);
}
