import type { AlarmNode, AlarmStateStore, StoredAlarmState } from '../alarm-state-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { digestKey, idKey, joinKey, prefixEnd, sequenceKey } from './keys.ts';
import { getJson, NOTHING, putJson } from './records.ts';

const MAX_TIME = 2 ** 48 - 1;

const nodeKey = ({ chain, node }: AlarmNode): Buffer => digestKey(`${chain}\n${node}`);
const timeKey = (ms: number): Buffer => sequenceKey(Math.min(Math.max(0, Math.floor(ms)), MAX_TIME));

/** Tables: `alarmStates` device, digest of the node -> state; `alarmStateTimes` time, key of the state -> nothing. */
export function createAlarmStateStore({ tables }: Environment, committer: Committer): AlarmStateStore {
  const { alarmStates, alarmStateTimes, devices } = tables;
  return {
    save: (state) =>
      committer.run(() => {
        const device = idKey(state.deviceId);
        if (device !== undefined && devices.has(device)) putAlarmState(tables, device, state);
      }),
    async load(deviceId, at) {
      const device = idKey(deviceId);
      return device && getJson<StoredAlarmState>(alarmStates, joinKey(device, nodeKey(at)));
    },
    async due(limit) {
      const span = { from: timeKey(0), to: Buffer.alloc(7, 0xff), limit };
      return [...alarmStateTimes.keys(span)].flatMap(
        (key) => getJson<StoredAlarmState>(alarmStates, key.subarray(timeKey(0).length)) ?? [],
      );
    },
  };
}

/** Within a transaction; the device exists. */
export function putAlarmState(tables: Tables, device: Buffer, state: StoredAlarmState): void {
  const key = joinKey(device, nodeKey(state.at));
  unindex(tables, key);
  putJson(tables.alarmStates, key, state);
  if (state.dueAt !== undefined) tables.alarmStateTimes.put(joinKey(timeKey(state.dueAt), key), NOTHING);
}

/** All states of a device that is being deleted: one for each node that evaluates alarm rules. */
export function dropAlarmStatesOf(tables: Tables, device: Buffer): void {
  for (const key of [...tables.alarmStates.keys({ from: device, to: prefixEnd(device) })]) {
    unindex(tables, key);
    tables.alarmStates.remove(key);
  }
}

function unindex({ alarmStates, alarmStateTimes }: Tables, key: Buffer): void {
  const dueAt = getJson<StoredAlarmState>(alarmStates, key)?.dueAt;
  if (dueAt !== undefined) alarmStateTimes.remove(joinKey(timeKey(dueAt), key));
}
