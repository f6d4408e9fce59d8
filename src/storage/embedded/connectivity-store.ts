import type { DeviceId } from '../../model/ids.ts';
import type { ConnectivityStore, ConnectivityWrite } from '../connectivity-store.ts';
import { attributeTexts, putAttributes } from './attributes.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { ID_BYTES, idKey, idText, joinKey, SEQUENCE_BYTES, sequenceKey } from './keys.ts';
import type { Tx } from './sequence.ts';

/** Largest time that six bytes hold, ms: the year 10889. */
const LATEST = 2 ** 48 - 1;
const timeKey = (ms: number): Buffer => sequenceKey(Math.min(LATEST, Math.max(0, Math.floor(ms))));

/** `stateDue` is ordered by time and id, `stateDueOf` says where a device stands in it. */
export function createConnectivityStore({ tables }: Environment, committer: Committer): ConnectivityStore {
  return {
    async save(writes) {
      const entries = writes.flatMap((write) => {
        const id = idKey(write.deviceId);
        return id === undefined ? [] : [{ ...write, id, texts: attributeTexts(write.values) }];
      });
      const bytes = entries.length * 64;
      const put = (tx: Tx): void => {
        for (const entry of entries) apply(tables, tx, entry);
      };
      await committer.run(put, { bytes });
    },
    async due(now, limit) {
      const span = { from: timeKey(0), to: timeKey(now + 1), limit };
      return [...tables.stateDue.keys(span)].map((key) => idText(key, SEQUENCE_BYTES) as DeviceId);
    },
  };
}

type Entry = ConnectivityWrite & { readonly id: Buffer; readonly texts: ReturnType<typeof attributeTexts> };

function apply(tables: Tables, tx: Tx, { id, due, ts, texts }: Entry): void {
  if (!tables.devices.has(id)) {
    setDue(tables, id, 'never');
    return;
  }
  if (texts.length > 0) putAttributes(tables, tx, { id, scope: 'SERVER_SCOPE', ts, texts, onlyOnChange: false });
  if (due !== undefined) setDue(tables, id, due);
}

/** Inside a transaction: puts the device on the list at that time, or takes it off. */
export function setDue({ stateDue, stateDueOf }: Tables, id: Buffer, due: number | 'never'): void {
  const key = id.subarray(0, ID_BYTES);
  const former = stateDueOf.get(key);
  if (former !== undefined) stateDue.remove(joinKey(former, key));
  if (due === 'never') {
    if (former !== undefined) stateDueOf.remove(key);
    return;
  }
  const at = timeKey(due);
  stateDue.put(joinKey(at, key), EMPTY);
  stateDueOf.put(key, at);
}

const EMPTY = Buffer.alloc(0);
