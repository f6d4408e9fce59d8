import { type JsonValue, stringifyJson } from '../../../model/json.ts';
import type { StoredAlarmState } from '../../alarm-state-store.ts';
import type { StoredMessage } from '../../message-store.ts';
import { storedObject } from '../../stored-json.ts';
import type { Sections } from '../../transfer.ts';
import { readAlarm, unpackAlarm, writeAlarm } from '../alarm-records.ts';
import { putAlarmState } from '../alarm-state-store.ts';
import { digestKey, ID_BYTES, newIdKey } from '../keys.ts';
import { addMessage } from '../message-store.ts';
import { getJson, jsonOf } from '../records.ts';
import { addRpc, isMarkOfAll, plainRpc, type RpcRow } from '../rpc-store.ts';
import { entriesOf, section, type TransferParts } from './section.ts';

type Names = 'alarms' | 'alarmStates' | 'rpcs' | 'messages';

/** What goes on later: alarms and their rules, calls to devices, messages that wait. */
export function laterSections(parts: TransferParts): Pick<Sections, Names> {
  const { tables } = parts.environment;
  return {
    alarms: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.alarms)) {
          yield { text: stringifyJson(unpackAlarm(value) as unknown as JsonValue) };
        }
      },
      (_, { text }) => {
        const alarm = storedObject(text) as unknown as Parameters<typeof writeAlarm>[1];
        if (readAlarm(tables, newIdKey(alarm.id)) === undefined) writeAlarm(tables, alarm, undefined);
      },
    ),
    alarmStates: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.alarmStates)) yield jsonOf<StoredAlarmState>(value);
      },
      (_, state) => putAlarmState(tables, newIdKey(state.deviceId), state),
    ),
    rpcs: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.rpcsByDevice)) {
          const row = isMarkOfAll(key[ID_BYTES]) ? getJson<RpcRow>(tables.rpcs, value) : undefined;
          if (row === undefined) continue;
          const { endedAt } = row;
          yield { rpc: plainRpc(row), ...(endedAt === undefined ? {} : { endedAt }) };
        }
      },
      (tx, { rpc, endedAt }) => {
        if (tables.rpcs.has(newIdKey(rpc.id))) return;
        addRpc(tables, { ...rpc, sequence: tx.nextSequence(), ...(endedAt === undefined ? {} : { endedAt }) });
      },
    ),
    messages: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.messages)) yield jsonOf<StoredMessage>(value);
      },
      (tx, message) => {
        if (!tables.messageIds.has(digestKey(message.id))) addMessage(tables, tx, message);
      },
    ),
  };
}
