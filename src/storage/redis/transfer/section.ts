import { type EntityId, TENANT } from '../../../model/entity.ts';
import type { Section } from '../../transfer.ts';
import type { Commits, Draft } from '../commit.ts';
import type { Word } from '../connection.ts';
import { KEYS } from '../keys.ts';
import { idOfMember } from '../names.ts';
import type { Queue } from '../queue.ts';
import { jsonOf } from '../records.ts';
import type { Sequence } from '../sequence.ts';

/** What the sections of the Redis store stand on. */
export interface TransferParts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly sequence: Sequence;
}

/** Members, and records, that are read at once. */
export const PER_PAGE = 500;
/** In this process one of these steps runs at a time. */
const SUBJECT = 'transfer';

/** Pages of the members of a sorted set without scores; what comes and goes meanwhile moves no other one. */
export async function* pagesOf(queue: Queue, key: string): AsyncGenerator<readonly string[]> {
  for (let from = '-'; ; ) {
    const words = [key, from, '+', 'LIMIT', 0, PER_PAGE];
    const page = (await queue.send('zrangebylex', words)) as readonly string[];
    if (page.length > 0) yield page;
    if (page.length < PER_PAGE) return;
    from = `(${page.at(-1)}`;
  }
}

/** The same in the order of scores, then of members. */
export async function* pagesByScore(queue: Queue, key: string): AsyncGenerator<readonly string[]> {
  let from: string | number = '-inf';
  let seen = new Set<string>();
  for (let limit = PER_PAGE; ; ) {
    const words = [key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, limit];
    const flat = (await queue.send('zrangebyscore', words)) as readonly string[];
    const members = flat.filter((_, at) => at % 2 === 0);
    const fresh = members.filter((member) => !seen.has(member));
    if (fresh.length > 0) yield fresh;
    if (members.length < limit) return;
    // The next page begins with the score at which this one ended; there may be more of it than fit.
    limit = fresh.length === 0 ? limit * 2 : PER_PAGE;
    from = flat.at(-1) ?? '-inf';
    seen = new Set(members);
  }
}

/** Pages of the ids that an index by name has. */
export async function* idPages(queue: Queue, key: string): AsyncGenerator<readonly string[]> {
  for await (const page of pagesOf(queue, key)) yield page.map(idOfMember);
}

/** Pages of everything that attributes, telemetry and relations may hang on. */
export async function* entityPages(queue: Queue): AsyncGenerator<readonly EntityId[]> {
  const indexes = [
    ['DEVICE', KEYS.deviceNames],
    ['ASSET', KEYS.assetNames],
    ['CUSTOMER', KEYS.customerTitles],
  ] as const;
  for (const [entityType, key] of indexes) {
    for await (const ids of idPages(queue, key)) yield ids.map((id) => ({ entityType, id }));
  }
  yield [TENANT];
}

/** Fields of a hash with their texts; absent ones are left out. */
export async function textsOf(
  queue: Queue,
  key: string,
  fields: readonly string[],
): Promise<readonly (readonly [field: string, text: string])[]> {
  if (fields.length === 0) return [];
  const texts = (await queue.send('hmget', [key, ...fields])) as readonly (string | null)[];
  return fields.flatMap((field, at) => {
    const text = texts[at];
    return typeof text === 'string' ? [[field, text] as const] : [];
  });
}

/** Records of a hash whose fields stand in an index by name. */
export async function* recordsByName<T>(queue: Queue, index: string, key: string): AsyncGenerator<T> {
  for await (const ids of idPages(queue, index)) {
    for (const [, text] of await textsOf(queue, key, ids)) yield jsonOf<T>(text);
  }
}

/** A section in the slot of the registry: all records that come at once are one step. */
export function section<I>(
  { commits }: Pick<TransferParts, 'commits'>,
  items: () => AsyncIterable<I>,
  put: (draft: Draft, item: I, at: number) => Promise<void> | void,
): Section<I> {
  return {
    items,
    async put(records, at) {
      if (records.length === 0) return;
      await commits.run(SUBJECT, async (draft) => {
        await Promise.all(records.map((record, index) => put(draft, record, at + index)));
      });
    },
  };
}

/** A section in the slots of the entities: commands that may be sent twice. */
export function sectionOfEntities<I>(
  { queue }: Pick<TransferParts, 'queue'>,
  items: () => AsyncIterable<I>,
  commandsOf: (item: I) => readonly (readonly [command: string, words: readonly Word[]])[],
): Section<I> {
  return {
    items,
    put: (records) =>
      queue.write(0, async () => {
        const sent = records.flatMap(commandsOf).map(([command, words]) => queue.send(command, words));
        await Promise.all(sent);
      }),
  };
}
