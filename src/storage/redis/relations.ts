import { BrokerError } from '../../errors.ts';
import type { EntityId, Relation } from '../../model/entity.ts';
import { type Commits, type Draft, membersOf } from './commit.ts';
import { hasEntity } from './entities.ts';
import { closed, entityOfText, entityText, isId, relationsKey, unescaped } from './keys.ts';
import type { Queue } from './queue.ts';

type Side = 'from' | 'to';
const SIDES = ['from', 'to'] as const;

/** Relations that one step removes at most. */
const MAX_REMOVED = 10_000;
/** Relations of a deleted entity that one step removes. */
const DROPPED_PER_STEP = 1_000;
/** Members in one command: a script can hand over some thousand words at once. */
const MEMBERS_PER_COMMAND = 1_000;

const farOf = (side: Side): Side => (side === 'from' ? 'to' : 'from');
/** As a relation stands at one of its ends: type, NUL, the other end. */
const memberAt = (relation: Relation, side: Side): string =>
  `${closed(relation.type)}${entityText(relation[farOf(side)])}`;

/** The relation that a member stands for. */
export function relationOf(end: EntityId, side: Side, member: string): Relation {
  const at = member.indexOf('\0');
  const type = unescaped(member.slice(0, at));
  const far = entityOfText(member.slice(at + 1));
  return side === 'from' ? { from: end, type, to: far } : { from: far, type, to: end };
}

async function endsExist(draft: Draft, { from, to }: Relation): Promise<boolean> {
  return (await Promise.all([hasEntity(draft, from), hasEntity(draft, to)])).every((one) => one);
}

/** Within a step; its ends are known to exist. */
export function writeRelation(draft: Draft, relation: Relation): void {
  for (const side of SIDES) draft.write('zadd', relationsKey(relation[side], side), 0, memberAt(relation, side));
}

export function dropRelation(draft: Draft, relation: Relation): void {
  for (const side of SIDES) draft.write('zrem', relationsKey(relation[side], side), memberAt(relation, side));
}

/** Whether the relation stands: as a member, and not one of a longer type. */
async function stands(draft: Draft, relation: Relation): Promise<boolean> {
  const member = memberAt(relation, 'from');
  return draft.listed(relationsKey(relation.from, 'from'), member);
}

/** False when it existed or one of its ends does not. */
export async function addRelation(draft: Draft, relation: Relation): Promise<boolean> {
  if (!(await endsExist(draft, relation)) || (await stands(draft, relation))) return false;
  writeRelation(draft, relation);
  return true;
}

/** The port's step of the same name. */
export async function setRelation(
  draft: Draft,
  relation: Relation,
  sole: Side | undefined,
): Promise<'added' | 'present' | 'unknown'> {
  if (!(await endsExist(draft, relation))) return 'unknown';
  if (sole !== undefined) {
    const mine = memberAt(relation, sole);
    const others = await removable(draft, relation[sole], sole, relation.type);
    dropMembers(
      draft,
      relation[sole],
      sole,
      others.filter((member) => member !== mine),
    );
  }
  if (await stands(draft, relation)) return 'present';
  writeRelation(draft, relation);
  return 'added';
}

export async function removeRelation(draft: Draft, relation: Relation): Promise<boolean> {
  if (!isId(relation.from.id) || !(await stands(draft, relation))) return false;
  dropRelation(draft, relation);
  return true;
}

export async function removeRelations(draft: Draft, end: EntityId, side: Side, type: string): Promise<number> {
  if (!isId(end.id)) return 0;
  const found = await removable(draft, end, side, type);
  dropMembers(draft, end, side, found);
  return found.length;
}

/** The relations of a type at one end, when they are not too many for one step. */
async function removable(draft: Draft, end: EntityId, side: Side, type: string): Promise<readonly string[]> {
  const found = await draft.members(relationsKey(end, side), closed(type), MAX_REMOVED + 1);
  if (found.length <= MAX_REMOVED) return found;
  throw new BrokerError('BAD_REQUEST', { detail: `More than ${MAX_REMOVED} relations would be removed in one step.` });
}

function dropMembers(draft: Draft, end: EntityId, side: Side, members: readonly string[]): void {
  const key = relationsKey(end, side);
  for (let at = 0; at < members.length; at += MEMBERS_PER_COMMAND) {
    draft.write('zrem', key, ...members.slice(at, at + MEMBERS_PER_COMMAND));
  }
  for (const member of members) {
    const relation = relationOf(end, side, member);
    const far = farOf(side);
    draft.write('zrem', relationsKey(relation[far], far), memberAt(relation, far));
  }
}

export async function listRelations(
  queue: Queue,
  end: EntityId,
  side: Side,
  { type, limit }: { readonly type?: string | undefined; readonly limit?: number | undefined } = {},
): Promise<readonly Relation[]> {
  if (!isId(end.id)) return [];
  const prefix = type === undefined ? '' : closed(type);
  const members = await membersOf(queue, relationsKey(end, side), prefix, { limit: limit ?? -1 });
  return members.map((member) => relationOf(end, side, member));
}

/** Takes away what is too much for the step that deletes the entity, so that `dropRelationsOf` finds the rest. */
export async function thinRelationsOf(commits: Commits, entity: EntityId): Promise<void> {
  for (const side of SIDES) {
    const key = relationsKey(entity, side);
    let found: number;
    do {
      found = await commits.step(`relations ${entity.id}`, async (draft) => {
        const members = await draft.members(key, '', DROPPED_PER_STEP + 1);
        if (members.length > DROPPED_PER_STEP) dropMembers(draft, entity, side, members);
        return members.length;
      });
    } while (found > DROPPED_PER_STEP);
  }
}

/** Every relation from and to the entity, within the step that deletes it. */
export async function dropRelationsOf(draft: Draft, entity: EntityId): Promise<void> {
  for (const side of SIDES) {
    dropMembers(draft, entity, side, await draft.members(relationsKey(entity, side), '', MAX_REMOVED));
  }
}
