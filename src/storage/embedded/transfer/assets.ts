import { ATTACHMENT_RELATIONS } from '../../../model/attachment.ts';
import type { Asset } from '../../../model/entity.ts';
import type { AssetId, DeviceId } from '../../../model/ids.ts';
import type { SupplierKey } from '../../supplier-store.ts';
import type { AttachmentAtRest, Sections, TransferItems } from '../../transfer.ts';
import { ensureAsset } from '../assets.ts';
import { historyKey, writeAttachment } from '../attachments.ts';
import { ID_BYTES, idText, newIdKey, prefixEnd } from '../keys.ts';
import { jsonOf, putJson, removeRange } from '../records.ts';
import { putRelation, relationOf } from '../relations.ts';
import { putKeys } from '../supplier-records.ts';
import { entriesOf, keysOf, section, type TransferParts } from './section.ts';

type Names = 'assets' | 'suppliers' | 'relations' | 'attachments' | 'attachmentHistory';
type History = TransferItems['attachmentHistory'];

/** Assets, relations, attachments. */
export function assetSections(parts: TransferParts): Pick<Sections, Names> {
  const { tables } = parts.environment;
  return {
    assets: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.assets)) yield jsonOf<Asset>(value);
      },
      (_, asset) => void ensureAsset(tables, asset),
    ),
    suppliers: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.suppliers)) {
          yield { id: idText(key) as AssetId, keys: jsonOf<readonly SupplierKey[]>(value) };
        }
      },
      (_, { id, keys }) => putKeys(tables, newIdKey(id), keys),
    ),
    relations: section(
      parts,
      function* () {
        for (const key of keysOf(tables.relationsFrom)) {
          const relation = relationOf(key, 'from');
          if (!ATTACHMENT_RELATIONS.has(relation.type)) yield relation;
        }
      },
      (_, relation) => void putRelation(tables, relation),
    ),
    attachments: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.attachments)) yield jsonOf<AttachmentAtRest>(value);
      },
      (_, attachment) => writeAttachment(tables, newIdKey(attachment.device.id), attachment),
    ),
    attachmentHistory: section(
      parts,
      function* () {
        let device: Buffer | undefined;
        let lines: History['lines'][number][] = [];
        for (const { key, value } of entriesOf(tables.attachmentHistory)) {
          const id = key.subarray(0, ID_BYTES);
          if (device !== undefined && !device.equals(id)) {
            yield { deviceId: idText(device) as DeviceId, lines };
            lines = [];
          }
          device = id;
          lines.push(jsonOf<History['lines'][number]>(value));
        }
        if (device !== undefined) yield { deviceId: idText(device) as DeviceId, lines };
      },
      (tx, { deviceId, lines }) => {
        const id = newIdKey(deviceId);
        removeRange(tables.attachmentHistory, { from: id, to: prefixEnd(id) });
        for (const line of lines) putJson(tables.attachmentHistory, historyKey(id, tx.nextSequence()), line);
      },
    ),
  };
}
