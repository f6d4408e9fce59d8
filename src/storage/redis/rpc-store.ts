import { isFinished, type PersistentRpc, type RpcState } from '../../model/rpc.ts';
import type { RpcStore } from '../rpc-store.ts';
import { type Commits, type Draft, memberCount, membersOf } from './commit.ts';
import { isId, KEYS } from './keys.ts';
import { recordOf, recordsOf } from './names.ts';
import type { Queue } from './queue.ts';
import { pageAt, pageOfList } from './records.ts';
import { behindSequence, type Sequence } from './sequence.ts';

/** A call with its place among the others. */
export type RpcRow = PersistentRpc & { readonly sequence: string; readonly endedAt?: number };

export interface RpcLimits {
  readonly maxRpcs: number;
  readonly maxRpcsPerDevice: number;
}

export interface RpcStoreParts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly sequence: Sequence;
  readonly limits: RpcLimits;
}

const isUndelivered = (state: RpcState): boolean => state === 'QUEUED' || state === 'SENT' || state === 'TIMEOUT';
/** Calls that are read at once. */
const CALLS_PER_PAGE = 100;

export function createRpcStore(parts: RpcStoreParts): RpcStore {
  const { queue, commits } = parts;

  async function undelivered(
    deviceId: string,
    { now, limit }: { readonly now: number; readonly limit: number },
  ): Promise<readonly PersistentRpc[]> {
    const found: PersistentRpc[] = [];
    for (let offset = 0; found.length < limit; offset += CALLS_PER_PAGE) {
      const page = { offset, limit: CALLS_PER_PAGE };
      const members = await membersOf(queue, KEYS.rpcsToDeliver, `${deviceId}\0`, page);
      const rows = await recordsOf<RpcRow>(queue, KEYS.rpcs, members.map(idIn));
      found.push(...rows.filter(({ expiresAt }) => expiresAt > now).map(plainRpc));
      if (members.length < CALLS_PER_PAGE) break;
    }
    return found.slice(0, limit);
  }

  return {
    create: (rpc) => commits.run(rpc.deviceId, (draft) => create(parts, draft, rpc), rpc.params.length),

    async get(id) {
      const row = await recordOf<RpcRow>(queue, KEYS.rpcs, id);
      return row && plainRpc(row);
    },

    async list(deviceId, { page, pageSize, state }) {
      const prefix = `${deviceId}\0`;
      const read = async (members: readonly string[]): Promise<readonly PersistentRpc[]> =>
        (await recordsOf<RpcRow>(queue, KEYS.rpcs, members.map(idIn))).map(plainRpc);
      if (state === undefined) {
        const words = [KEYS.rpcsOf, `(${deviceId}\u0001`, `[${prefix}`, 'LIMIT', page * pageSize, pageSize];
        const members = (await queue.send('zrevrangebylex', words)) as readonly string[];
        return pageAt(await read(members), await memberCount(queue, KEYS.rpcsOf, prefix), { page, pageSize });
      }
      const all = await read((await membersOf(queue, KEYS.rpcsOf, prefix)).toReversed());
      return pageOfList(
        all.filter((rpc) => rpc.state === state),
        { page, pageSize },
      );
    },

    undelivered,

    update: (id, { at, ...change }) =>
      commits.run(id, async (draft) => {
        const row = await draft.record<RpcRow>(KEYS.rpcs, id);
        if (row === undefined || isFinished(row)) return false;
        const next = { ...row, ...change };
        move(draft, isFinished(next) ? { ...next, endedAt: at } : next);
        return true;
      }),

    remove: (id) => commits.run(id, (draft) => drop(draft, id)),

    async sweep({ now, keepMs, limit }) {
      const past = now - keepMs;
      const due = async (key: string, until: number): Promise<readonly string[]> =>
        (await queue.send('zrangebyscore', [key, '-inf', until, 'LIMIT', 0, limit])) as readonly string[];
      const [expiring, ended] = await Promise.all([
        due(KEYS.rpcsExpire, now),
        past > 0 ? due(KEYS.rpcsEnded, past) : [],
      ]);
      const expired = expiring.map((id) =>
        commits.run(id, async (draft) => {
          const row = await draft.record<RpcRow>(KEYS.rpcs, id);
          if (row === undefined || isFinished(row)) return undefined;
          move(draft, { ...row, state: 'EXPIRED', endedAt: now });
          return { id: row.id, deviceId: row.deviceId };
        }),
      );
      const removed = ended.map((id) => commits.run(id, (draft) => drop(draft, id)));
      return {
        expired: (await Promise.all(expired)).flatMap((one) => one ?? []),
        removed: (await Promise.all(removed)).filter(Boolean).length,
      };
    },
  };
}

/** All calls of a device that has been deleted; there are never more than `maxRpcsPerDevice`. */
export async function dropRpcsOf(queue: Queue, commits: Commits, deviceId: string): Promise<void> {
  for (const member of await membersOf(queue, KEYS.rpcsOf, `${deviceId}\0`)) {
    const id = idIn(member);
    await commits.step(id, (draft) => drop(draft, id));
  }
}

async function create(
  { queue, sequence, limits }: RpcStoreParts,
  draft: Draft,
  rpc: PersistentRpc,
): Promise<'created' | 'unknown-device' | 'full'> {
  if (!isId(rpc.id) || !isId(rpc.deviceId)) return 'unknown-device';
  const prefix = `${rpc.deviceId}\0`;
  const [known, ofDevice, inAll] = await Promise.all([
    draft.has(KEYS.devices, rpc.deviceId),
    draft.fewer(KEYS.rpcsOf, prefix, limits.maxRpcsPerDevice),
    draft.fewer(KEYS.rpcsOf, '', limits.maxRpcs),
  ]);
  if (!known) return 'unknown-device';
  if (!ofDevice) {
    const members = await membersOf(queue, KEYS.rpcsOf, prefix);
    const oldest = (await recordsOf<RpcRow>(queue, KEYS.rpcs, members.map(idIn))).find(isFinished);
    if (oldest === undefined || !(await drop(draft, oldest.id))) return 'full';
  } else if (!inAll) {
    const [id] = (await queue.send('zrange', [KEYS.rpcsEnded, 0, 0])) as readonly string[];
    if (id === undefined || !(await drop(draft, id))) return 'full';
  }
  writeRpc(draft, { ...rpc, sequence: sequence.next() });
  return 'created';
}

/** Record and indexes of a call that is new. */
export function writeRpc(draft: Draft, row: RpcRow): void {
  draft.write('zadd', KEYS.rpcsOf, 0, memberOf(row));
  move(draft, row);
}

/** Writes the call, and where its state puts it. */
function move(draft: Draft, row: RpcRow): void {
  const { id, state, expiresAt, endedAt } = row;
  draft.write('hset', KEYS.rpcs, id, JSON.stringify(row));
  if (isUndelivered(state)) draft.write('zadd', KEYS.rpcsToDeliver, 0, memberOf(row));
  else draft.write('zrem', KEYS.rpcsToDeliver, memberOf(row));
  if (endedAt === undefined) draft.write('zadd', KEYS.rpcsExpire, expiresAt, id);
  else {
    draft.write('zrem', KEYS.rpcsExpire, id);
    draft.write('zadd', KEYS.rpcsEnded, endedAt, id);
  }
}

async function drop(draft: Draft, id: string): Promise<boolean> {
  const row = await draft.record<RpcRow>(KEYS.rpcs, id);
  if (row === undefined) return false;
  draft.write('hdel', KEYS.rpcs, id);
  for (const key of [KEYS.rpcsOf, KEYS.rpcsToDeliver]) draft.write('zrem', key, memberOf(row));
  for (const key of [KEYS.rpcsExpire, KEYS.rpcsEnded]) draft.write('zrem', key, id);
  return true;
}

const memberOf = ({ deviceId, sequence, id }: RpcRow): string => `${deviceId}\0${sequence}${id}`;
export const idIn = (member: string): string => behindSequence(member.slice(member.indexOf('\0') + 1));

export function plainRpc({ sequence: _, endedAt: __, ...rpc }: RpcRow): PersistentRpc {
  return rpc;
}
