import type { EntityId } from '../../model/entity.ts';
import type { MessageStore, StoredMessage } from '../message-store.ts';
import { type Commits, type Draft, memberCount, membersOf } from './commit.ts';
import { hasEntity } from './entities.ts';
import { entityText, isId, KEYS } from './keys.ts';
import { recordsOf } from './names.ts';
import type { Queue } from './queue.ts';
import { behindSequence, type Sequence } from './sequence.ts';

export interface MessageLimits {
  readonly maxMessages: number;
  readonly maxMessagesPerOriginator: number;
}

export interface MessageStoreParts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly sequence: Sequence;
  readonly limits: MessageLimits;
}

export type MessageRow = StoredMessage & { readonly sequence: string };

export function createMessageStore({ queue, commits, sequence, limits }: MessageStoreParts): MessageStore {
  return {
    put: (message) =>
      commits.run(
        subject(message.id),
        async (draft) => {
          const { id, originator } = message;
          if (!isId(originator.id)) return 'unknown-originator';
          const prefix = `${entityText(originator)}\0`;
          const [known, former] = await Promise.all([
            hasEntity(draft, originator),
            draft.record<MessageRow>(KEYS.messages, id),
          ]);
          if (!known) return 'unknown-originator';
          if (former !== undefined) dropRow(draft, former);
          else {
            const room = await Promise.all([
              draft.fewer(KEYS.messagesOf, '', limits.maxMessages),
              draft.fewer(KEYS.messagesOf, prefix, limits.maxMessagesPerOriginator),
            ]);
            if (room.includes(false)) return 'full';
          }
          const row: MessageRow = { ...message, sequence: sequence.next() };
          writeMessage(draft, row);
          return 'stored';
        },
        message.sealed.length,
      ),

    async due(now, limit) {
      const words = [KEYS.messagesDue, '-inf', now, 'LIMIT', 0, limit];
      const members = (await queue.send('zrangebyscore', words)) as readonly string[];
      const rows = await recordsOf<MessageRow>(queue, KEYS.messages, members.map(behindSequence));
      return rows.map(({ sequence: _, ...message }) => message);
    },

    async nextDue(after) {
      const words = [KEYS.messagesDue, `(${after}`, '+inf', 'WITHSCORES', 'LIMIT', 0, 1];
      const [, score] = (await queue.send('zrangebyscore', words)) as readonly string[];
      return score === undefined ? undefined : Number(score);
    },

    count: () => memberCount(queue, KEYS.messagesOf, ''),
    remove: (id) => commits.run(subject(id), (draft) => drop(draft, id)),
  };
}

/** Record and indexes of a message that is new. */
export function writeMessage(draft: Draft, row: MessageRow): void {
  const { id, originator, dueAt, sequence } = row;
  draft.write('hset', KEYS.messages, id, JSON.stringify(row));
  draft.write('zadd', KEYS.messagesDue, dueAt, `${sequence}${id}`);
  draft.write('zadd', KEYS.messagesOf, 0, `${entityText(originator)}\0${sequence}${id}`);
}

const subject = (id: string): string => `message ${id}`;

/** All messages of an entity that has been deleted; there are never more than `maxMessagesPerOriginator`. */
export async function dropMessagesOf(queue: Queue, commits: Commits, originator: EntityId): Promise<void> {
  const prefix = `${entityText(originator)}\0`;
  for (const member of await membersOf(queue, KEYS.messagesOf, prefix)) {
    const id = behindSequence(member.slice(prefix.length));
    await commits.step(subject(id), (draft) => drop(draft, id));
  }
}

async function drop(draft: Draft, id: string): Promise<boolean> {
  const row = await draft.record<MessageRow>(KEYS.messages, id);
  if (row !== undefined) dropRow(draft, row);
  return row !== undefined;
}

function dropRow(draft: Draft, { id, originator, sequence }: MessageRow): void {
  draft.write('hdel', KEYS.messages, id);
  draft.write('zrem', KEYS.messagesDue, `${sequence}${id}`);
  draft.write('zrem', KEYS.messagesOf, `${entityText(originator)}\0${sequence}${id}`);
}
