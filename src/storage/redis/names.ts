import type { Page, PageQuery } from '../../model/entity.ts';
import { memberCount, membersOf } from './commit.ts';
import { ID_LENGTH } from './keys.ts';
import type { Queue } from './queue.ts';
import { jsonOf, pageAt } from './records.ts';

/**
 * Indexes by name are sorted sets whose members are texts, each closed with a NUL, and the id, perhaps with more behind it: the
 * order is that of the UTF-8 bytes of the texts, and one name is found by its prefix.
 */
export function idOfMember(member: string): string {
  const at = member.lastIndexOf('\0') + 1;
  return member.slice(at, at + ID_LENGTH);
}

/** Records of a hash in the order of the ids; those that are gone meanwhile are left out. */
export async function recordsOf<T>(queue: Queue, key: string, ids: readonly string[]): Promise<readonly T[]> {
  if (ids.length === 0) return [];
  const texts = (await queue.send('hmget', [key, ...ids])) as readonly (string | null)[];
  return texts.flatMap((text) => (text === null ? [] : [jsonOf<T>(text)]));
}

export async function recordOf<T>(queue: Queue, key: string, id: string): Promise<T | undefined> {
  const text = (await queue.send('hget', [key, id])) as string | null;
  return text === null ? undefined : jsonOf<T>(text);
}

/** The id of the first member that begins so. */
export async function idByName(queue: Queue, key: string, prefix: string): Promise<string | undefined> {
  const [member] = await membersOf(queue, key, prefix, { limit: 1 });
  return member?.slice(prefix.length, prefix.length + ID_LENGTH);
}

/** A page of the records whose members begin with `prefix`, in their order. */
export async function pageOfNames<T>(
  queue: Queue,
  { index, prefix = '', records }: { readonly index: string; readonly prefix?: string; readonly records: string },
  query: PageQuery,
): Promise<Page<T>> {
  const { page, pageSize } = query;
  const [total, members] = await Promise.all([
    memberCount(queue, index, prefix),
    pageSize > 0 ? membersOf(queue, index, prefix, { offset: page * pageSize, limit: pageSize }) : [],
  ]);
  return pageAt(await recordsOf<T>(queue, records, members.map(idOfMember)), total, query);
}
