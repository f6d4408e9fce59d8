import { isFinished, type PersistentRpc, type RpcState } from '../../model/rpc.ts';
import type { RpcStore } from '../rpc-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Span, Tables } from './environment.ts';
import { ID_BYTES, idKey, idText, joinKey, newIdKey, prefixEnd, sequenceKey } from './keys.ts';
import { adjustCounter, getJson, NOTHING, pageOf, pageOfList, putJson, readCounter } from './records.ts';

/** A call with its place among the others. */
export type RpcRow = PersistentRpc & { readonly sequence: number; readonly endedAt?: number };

const COUNTER = 'rpcs';
/** Marks of index keys: all calls of a device, those to be delivered; what expires, what has ended. */
const ALL = Buffer.from([0]);
const UNDELIVERED = Buffer.from([1]);
const EXPIRES = Buffer.from([0]);
const ENDED = Buffer.from([1]);
const MAX_TIME = 2 ** 48 - 1;

const timeKey = (ms: number): Buffer => sequenceKey(Math.min(Math.max(0, Math.floor(ms)), MAX_TIME));
const spanOf = (prefix: Buffer): Span => ({ from: prefix, to: prefixEnd(prefix) });
const isUndelivered = (state: RpcState): boolean => state === 'QUEUED' || state === 'SENT' || state === 'TIMEOUT';

export interface RpcLimits {
  readonly maxRpcs: number;
  readonly maxRpcsPerDevice: number;
}

/**
 * Tables: `rpcs` id -> call; `rpcsByDevice` device, mark, sequence -> id; `rpcTimes` mark, time, id -> nothing, where the
 * time is the expiry of an unfinished call and the end of a finished one.
 */
export function createRpcStore({ tables }: Environment, committer: Committer, limits: RpcLimits): RpcStore {
  const { rpcs, rpcsByDevice, rpcTimes, counters } = tables;
  const read = (id: Buffer): RpcRow | undefined => getJson<RpcRow>(rpcs, id);

  return {
    create: (rpc) =>
      committer.run((tx) => {
        const id = idKey(rpc.id);
        const device = idKey(rpc.deviceId);
        if (id === undefined || device === undefined || !tables.devices.has(device)) return 'unknown-device';
        const mine = rpcsByDevice.count(spanOf(joinKey(device, ALL)));
        if (mine >= limits.maxRpcsPerDevice && !dropOldestEnded(tables, device)) return 'full';
        if (readCounter(counters, COUNTER) >= limits.maxRpcs && !dropLongestEnded(tables)) return 'full';
        addRpc(tables, { ...rpc, sequence: tx.nextSequence() });
        return 'created';
      }),

    async get(id) {
      const key = idKey(id);
      const row = key && read(key);
      return row && plainRpc(row);
    },

    async list(deviceId, { page, pageSize, state }) {
      const device = idKey(deviceId);
      if (device === undefined) return { data: [], totalElements: 0, hasNext: false };
      const span = { ...spanOf(joinKey(device, ALL)), reverse: true };
      const toItem = (_: Buffer, id: Buffer): PersistentRpc | undefined => {
        const row = read(id);
        return row && plainRpc(row);
      };
      if (state === undefined) {
        return pageOf(rpcsByDevice, span, { page, pageSize, total: rpcsByDevice.count(span), toItem });
      }
      const all = [...rpcsByDevice.entries(span)].flatMap(({ key, value }) => toItem(key, value) ?? []);
      return pageOfList(
        all.filter((rpc) => rpc.state === state),
        { page, pageSize },
      );
    },

    async undelivered(deviceId, { now, limit }) {
      const device = idKey(deviceId);
      if (device === undefined) return [];
      const found: PersistentRpc[] = [];
      for (const { value } of rpcsByDevice.entries(spanOf(joinKey(device, UNDELIVERED)))) {
        const row = read(value);
        if (row && row.expiresAt > now) found.push(plainRpc(row));
        if (found.length >= limit) break;
      }
      return found;
    },

    update(id, { at, ...change }) {
      const key = idKey(id);
      if (key === undefined) return Promise.resolve(false);
      return committer.run(() => {
        const row = read(key);
        if (row === undefined || isFinished(row)) return false;
        unindex(tables, key, row);
        const next = { ...row, ...change };
        write(tables, key, isFinished(next) ? { ...next, endedAt: at } : next);
        return true;
      });
    },

    remove(id) {
      const key = idKey(id);
      return key === undefined ? Promise.resolve(false) : committer.run(() => drop(tables, key));
    },

    async sweep({ now, keepMs, limit }) {
      const due = (mark: Buffer, before: number): Buffer[] => [
        ...rpcTimes.keys({ from: joinKey(mark, timeKey(0)), to: joinKey(mark, timeKey(before + 1)), limit }),
      ];
      const past = now - keepMs;
      if (due(EXPIRES, now).length === 0 && (past <= 0 || due(ENDED, past).length === 0)) {
        return { expired: [], removed: 0 };
      }
      return committer.run(() => {
        const expired: { id: PersistentRpc['id']; deviceId: PersistentRpc['deviceId'] }[] = [];
        for (const key of due(EXPIRES, now)) {
          const id = key.subarray(key.length - ID_BYTES);
          const row = read(id);
          if (row === undefined) continue;
          unindex(tables, id, row);
          write(tables, id, { ...row, state: 'EXPIRED', endedAt: now });
          expired.push({ id: idText(id) as PersistentRpc['id'], deviceId: row.deviceId });
        }
        let removed = 0;
        if (past > 0) for (const key of due(ENDED, past)) if (drop(tables, key.subarray(-ID_BYTES))) removed++;
        return { expired, removed };
      });
    },
  };
}

/** All calls of a device that is being deleted; there are never more than `maxRpcsPerDevice`. */
export function dropRpcsOf(tables: Tables, device: Buffer): void {
  const all = [...tables.rpcsByDevice.entries(spanOf(joinKey(device, ALL)))];
  for (const { value } of all) drop(tables, value);
}

/** Within a transaction; there is none of this id. */
export function addRpc(tables: Tables, row: RpcRow): void {
  const id = newIdKey(row.id);
  tables.rpcsByDevice.put(joinKey(newIdKey(row.deviceId), ALL, sequenceKey(row.sequence)), id);
  adjustCounter(tables.counters, COUNTER, 1);
  write(tables, id, row);
}

/** Whether an index key with this mark names one of all calls. */
export const isMarkOfAll = (mark: number | undefined): boolean => mark === ALL[0];

function write({ rpcs, rpcsByDevice, rpcTimes }: Tables, id: Buffer, row: RpcRow): void {
  putJson(rpcs, id, row);
  const device = idKey(row.deviceId);
  if (device !== undefined && isUndelivered(row.state)) {
    rpcsByDevice.put(joinKey(device, UNDELIVERED, sequenceKey(row.sequence)), id);
  }
  rpcTimes.put(timeOf(id, row), NOTHING);
}

/** Takes out the index entries that a change of state may move. */
function unindex({ rpcsByDevice, rpcTimes }: Tables, id: Buffer, row: RpcRow): void {
  const device = idKey(row.deviceId);
  if (device !== undefined) rpcsByDevice.remove(joinKey(device, UNDELIVERED, sequenceKey(row.sequence)));
  rpcTimes.remove(timeOf(id, row));
}

const timeOf = (id: Buffer, row: RpcRow): Buffer =>
  row.endedAt === undefined ? joinKey(EXPIRES, timeKey(row.expiresAt), id) : joinKey(ENDED, timeKey(row.endedAt), id);

function drop(tables: Tables, id: Buffer): boolean {
  const row = getJson<RpcRow>(tables.rpcs, id);
  if (row === undefined) return false;
  unindex(tables, id, row);
  const device = idKey(row.deviceId);
  if (device !== undefined) tables.rpcsByDevice.remove(joinKey(device, ALL, sequenceKey(row.sequence)));
  tables.rpcs.remove(id);
  adjustCounter(tables.counters, COUNTER, -1);
  return true;
}

/** Makes room among a device's calls; false when none has ended. */
function dropOldestEnded(tables: Tables, device: Buffer): boolean {
  for (const { value } of tables.rpcsByDevice.entries(spanOf(joinKey(device, ALL)))) {
    const row = getJson<RpcRow>(tables.rpcs, value);
    if (row && isFinished(row)) return drop(tables, value);
  }
  return false;
}

function dropLongestEnded(tables: Tables): boolean {
  const [first] = [...tables.rpcTimes.keys({ ...spanOf(ENDED), limit: 1 })];
  return first !== undefined && drop(tables, first.subarray(-ID_BYTES));
}

export function plainRpc({ sequence: _, endedAt: __, ...rpc }: RpcRow): PersistentRpc {
  return rpc;
}
