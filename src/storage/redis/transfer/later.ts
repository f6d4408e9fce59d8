import type { StoredAlarmState } from '../../alarm-state-store.ts';
import type { Sections } from '../../transfer.ts';
import { alarmOf, textOfAlarm, writeAlarm } from '../alarm-records.ts';
import { fieldOf } from '../alarm-state-store.ts';
import { KEYS } from '../keys.ts';
import { type MessageRow, writeMessage } from '../message-store.ts';
import { recordsOf } from '../names.ts';
import { jsonOf } from '../records.ts';
import { idIn, plainRpc, type RpcRow, writeRpc } from '../rpc-store.ts';
import { behindSequence } from '../sequence.ts';
import { pagesByScore, pagesOf, section, type TransferParts, textsOf } from './section.ts';

type Names = 'alarms' | 'alarmStates' | 'rpcs' | 'messages';

/** What goes on later: alarms and their rules, calls to devices, messages that wait. */
export function laterSections(parts: TransferParts): Pick<Sections, Names> {
  const { queue, sequence } = parts;
  return {
    alarms: section(
      parts,
      async function* () {
        for await (const ids of pagesOf(queue, KEYS.alarmIds)) {
          for (const [, text] of await textsOf(queue, KEYS.alarms, ids)) yield { text: textOfAlarm(alarmOf(text)) };
        }
      },
      async (draft, { text }) => {
        const alarm = alarmOf(text);
        if (!(await draft.has(KEYS.alarms, alarm.id))) writeAlarm(draft, alarm, undefined);
      },
    ),
    alarmStates: section(
      parts,
      async function* () {
        for await (const fields of pagesOf(queue, KEYS.alarmStatesOf)) {
          for (const [, text] of await textsOf(queue, KEYS.alarmStates, fields)) yield jsonOf<StoredAlarmState>(text);
        }
      },
      (draft, state) => {
        const field = fieldOf(state.deviceId, state.at);
        draft.write('hset', KEYS.alarmStates, field, JSON.stringify(state));
        draft.write('zadd', KEYS.alarmStatesOf, 0, field);
        if (state.dueAt !== undefined) draft.write('zadd', KEYS.alarmStatesDue, state.dueAt, field);
      },
    ),
    rpcs: section(
      parts,
      async function* () {
        for await (const members of pagesOf(queue, KEYS.rpcsOf)) {
          for (const row of await recordsOf<RpcRow>(queue, KEYS.rpcs, members.map(idIn))) {
            const { endedAt } = row;
            yield { rpc: plainRpc(row), ...(endedAt === undefined ? {} : { endedAt }) };
          }
        }
      },
      async (draft, { rpc, endedAt }) => {
        const row = { ...rpc, sequence: sequence.next(), ...(endedAt === undefined ? {} : { endedAt }) };
        if (!(await draft.has(KEYS.rpcs, rpc.id))) writeRpc(draft, row);
      },
    ),
    messages: section(
      parts,
      async function* () {
        for await (const members of pagesByScore(queue, KEYS.messagesDue)) {
          const rows = await recordsOf<MessageRow>(queue, KEYS.messages, members.map(behindSequence));
          for (const { sequence: _, ...message } of rows) yield message;
        }
      },
      async (draft, message) => {
        const row = { ...message, sequence: sequence.next() };
        if (!(await draft.has(KEYS.messages, message.id))) writeMessage(draft, row);
      },
    ),
  };
}
