import type { EntityId, Page, PageQuery } from '../../model/entity.ts';
import { stringifyJson } from '../../model/json.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterQuery,
  type DeadLetterStore,
  isTooLate,
} from '../record-stores.ts';
import { storedObject } from '../stored-json.ts';
import { type Commits, type Draft, membersOf } from './commit.ts';
import { hasEntity } from './entities.ts';
import { entityText, isId, KEYS } from './keys.ts';
import type { Queue } from './queue.ts';
import { pageAt } from './records.ts';
import { behindSequence, type Sequence } from './sequence.ts';

export interface DeadLetterParts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly sequence: Sequence;
  /** Letters that are kept. */
  readonly max: number;
}

type Row = DeadLetter & { readonly sequence: string };

/** In this process one letter is put at a time: each may have to make room. */
const SUBJECT = 'dead letters';
/** Letters that a search reads at once. */
const LETTERS_PER_PAGE = 200;

/** Dead letters stand in the order they came. */
export function createDeadLetterStore({ queue, commits, sequence, max }: DeadLetterParts): DeadLetterStore {
  return {
    put: (letter) =>
      commits.run(SUBJECT, (draft) => put(queue, draft, { letter, max, place: sequence.next() }), letter.sealed.length),
    async get(id) {
      const [row] = await rowsOf(queue, [id]);
      return row && plain(row);
    },
    list: (query) => {
      const { page, pageSize, ...rest } = query;
      return Object.values(rest).some((part) => part !== undefined)
        ? find(queue, query)
        : listAll(queue, { page, pageSize });
    },
    remove: (id) => commits.run(SUBJECT, (draft) => drop(draft, id)),
  };
}

async function put(
  queue: Queue,
  draft: Draft,
  { letter, max, place }: { readonly letter: DeadLetter; readonly max: number; readonly place: string },
): Promise<number> {
  const { id, originator } = letter;
  if (!isId(originator.id)) return 0;
  const [known, standing, count] = await Promise.all([
    hasEntity(draft, originator),
    draft.field(KEYS.deadLetters, id),
    queue.send('zcard', [KEYS.deadLetterOrder]) as Promise<number>,
  ]);
  if (!known) return 0;
  const surplus = count + 1 - max - (standing === undefined ? 0 : 1);
  if (standing !== undefined) dropRow(draft, rowOf(standing));
  // Not noted as read: whoever else makes room at the same time removes the same ones.
  const oldest = surplus > 0 ? await membersOf(queue, KEYS.deadLetterOrder, '', { limit: surplus }) : [];
  for (const row of await rowsOf(queue, oldest.map(behindSequence))) dropRow(draft, row);
  writeLetter(draft, letter, place);
  return oldest.length;
}

/** Record and indexes of a letter that is new. */
export function writeLetter(draft: Draft, letter: DeadLetter, place: string): void {
  const { id, originator } = letter;
  const row: Row = { ...letter, sequence: place };
  draft.write('hset', KEYS.deadLetters, id, stringifyJson(row as unknown as Parameters<typeof stringifyJson>[0]));
  draft.write('zadd', KEYS.deadLetterOrder, 0, `${place}${id}`);
  draft.write('zadd', KEYS.deadLettersOf, 0, `${entityText(originator)}\0${place}${id}`);
}

/** All letters of an entity that has been deleted. */
export async function dropDeadLettersOf(queue: Queue, commits: Commits, originator: EntityId): Promise<void> {
  const prefix = `${entityText(originator)}\0`;
  for (;;) {
    const members = await membersOf(queue, KEYS.deadLettersOf, prefix, { limit: LETTERS_PER_PAGE });
    for (const member of members) {
      const id = behindSequence(member.slice(prefix.length));
      await commits.step(SUBJECT, async (draft) => {
        if (!(await drop(draft, id))) draft.write('zrem', KEYS.deadLettersOf, member);
      });
    }
    if (members.length < LETTERS_PER_PAGE) return;
  }
}

async function drop(draft: Draft, id: string): Promise<boolean> {
  const text = await draft.field(KEYS.deadLetters, id);
  if (text === undefined) return false;
  dropRow(draft, rowOf(text));
  return true;
}

function dropRow(draft: Draft, { id, originator, sequence }: Row): void {
  draft.write('hdel', KEYS.deadLetters, id);
  draft.write('zrem', KEYS.deadLetterOrder, `${sequence}${id}`);
  draft.write('zrem', KEYS.deadLettersOf, `${entityText(originator)}\0${sequence}${id}`);
}

async function listAll(queue: Queue, query: PageQuery): Promise<Page<DeadLetter>> {
  const { page, pageSize } = query;
  const words = [KEYS.deadLetterOrder, '+', '-', 'LIMIT', page * pageSize, pageSize];
  const [total, members] = await Promise.all([
    queue.send('zcard', [KEYS.deadLetterOrder]) as Promise<number>,
    queue.send('zrevrangebylex', words) as Promise<readonly string[]>,
  ]);
  return pageAt((await rowsOf(queue, members.map(behindSequence))).map(plain), total, query);
}

/** Those of an originator by its index, of all others each is read. */
async function find(queue: Queue, query: DeadLetterQuery): Promise<Page<DeadLetter>> {
  const { originator, oldestFirst = false } = query;
  if (originator !== undefined && !isId(originator.id)) return pageAt([], 0, query);
  const prefix = originator === undefined ? '' : `${entityText(originator)}\0`;
  const key = originator === undefined ? KEYS.deadLetterOrder : KEYS.deadLettersOf;
  const first = query.page * query.pageSize;
  const data: DeadLetter[] = [];
  let found = 0;
  const [lowest, highest] = prefix === '' ? ['-', '+'] : [`[${prefix}`, `(${prefix.slice(0, -1)}\u0001`];
  const command = oldestFirst ? 'zrangebylex' : 'zrevrangebylex';
  const end = oldestFirst ? highest : lowest;
  let from = oldestFirst ? lowest : highest;
  for (;;) {
    const members = (await queue.send(command, [key, from, end, 'LIMIT', 0, LETTERS_PER_PAGE])) as readonly string[];
    const rows = await rowsOf(
      queue,
      members.map((member) => behindSequence(member.slice(prefix.length))),
    );
    for (const row of rows) {
      if (!matches(row, query)) continue;
      if (found >= first && data.length < query.pageSize) data.push(plain(row));
      found++;
    }
    const last = members.at(-1);
    if (last === undefined || members.length < LETTERS_PER_PAGE) return pageAt(data, found, query);
    from = `(${last}`;
  }
}

const matches = (letter: DeadLetter, filter: DeadLetterFilter): boolean =>
  (filter.chain === undefined || letter.chain === filter.chain) &&
  (filter.node === undefined || letter.node === filter.node) &&
  !isTooLate(letter, filter) &&
  (filter.reason === undefined || letter.reason.toLowerCase().includes(filter.reason.toLowerCase()));

async function rowsOf(queue: Queue, ids: readonly string[]): Promise<readonly Row[]> {
  if (ids.length === 0) return [];
  const texts = (await queue.send('hmget', [KEYS.deadLetters, ...ids])) as readonly (string | null)[];
  return texts.flatMap((text) => (text === null ? [] : [rowOf(text)]));
}

/** The message keeps the exact text of its numbers. */
const rowOf = (text: string): Row => storedObject(text) as unknown as Row;

/** A stored letter as the text that every store has of it, and back. */
export const textOfLetter = (text: string): string =>
  stringifyJson(plain(rowOf(text)) as unknown as Parameters<typeof stringifyJson>[0]);
export const letterOf = (text: string): DeadLetter => storedObject(text) as unknown as DeadLetter;

const plain = ({ sequence: _, ...letter }: Row): DeadLetter => letter;
