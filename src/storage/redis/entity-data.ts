import type { EntityId } from '../../model/entity.ts';
import { dropAlarmsOf } from './alarm-records.ts';
import { dropAlarmStatesOf } from './alarm-state-store.ts';
import { writeFirstAttributes } from './attribute-store.ts';
import type { Commits } from './commit.ts';
import { dropDeadLettersOf } from './dead-letters.ts';
import type { EntityData } from './entities.ts';
import { entityDataKeys } from './keys.ts';
import { dropMessagesOf } from './message-store.ts';
import { forgetOtaOf } from './ota-users.ts';
import type { Queue } from './queue.ts';
import { dropRpcsOf } from './rpc-store.ts';

/** What hangs on an entity outside of the registry: its own slot, and its records among those of all. */
export function createEntityData(queue: Queue, commits: Commits): EntityData {
  return {
    writeFirst: (id, first) => writeFirstAttributes(queue, { entityId: id, ...first }),
    async drop(entity: EntityId) {
      const { id } = entity;
      await Promise.all([
        queue.send('unlink', entityDataKeys(id)),
        dropMessagesOf(queue, commits, entity),
        dropDeadLettersOf(queue, commits, entity),
        dropAlarmsOf(queue, commits, entity),
        ...(entity.entityType === 'DEVICE'
          ? [dropRpcsOf(queue, commits, id), dropAlarmStatesOf(queue, id), forgetOtaOf(commits, id)]
          : []),
      ]);
    },
  };
}
