import { ATTACHMENT_RELATIONS } from '../../../model/attachment.ts';
import type { Asset, Relation } from '../../../model/entity.ts';
import type { DeviceId } from '../../../model/ids.ts';
import type { SupplierKey } from '../../supplier-store.ts';
import type { AttachmentAtRest, Sections, TransferItems } from '../../transfer.ts';
import { writeAsset } from '../assets.ts';
import { historyLines, storedHistory, writeAttachment } from '../attachments.ts';
import { membersOf } from '../commit.ts';
import { historyKey, KEYS, newId, relationsKey } from '../keys.ts';
import { jsonOf } from '../records.ts';
import { addRelation, relationOf } from '../relations.ts';
import { writeKeys } from '../supplier-store.ts';
import {
  entityPages,
  idPages,
  PER_PAGE,
  pagesOf,
  recordsByName,
  section,
  type TransferParts,
  textsOf,
} from './section.ts';

type Names = 'assets' | 'suppliers' | 'relations' | 'attachments' | 'attachmentHistory';
type History = TransferItems['attachmentHistory'];

/** Assets, relations, attachments. */
export function assetSections(parts: TransferParts): Pick<Sections, Names> {
  const { queue } = parts;
  return {
    assets: section(
      parts,
      () => recordsByName<Asset>(queue, KEYS.assetNames, KEYS.assets),
      async (draft, asset) => {
        if (!(await draft.has(KEYS.assets, newId(asset.id)))) writeAsset(draft, asset);
      },
    ),
    suppliers: section(
      parts,
      async function* () {
        for await (const ids of idPages(queue, KEYS.assetNames)) {
          for (const [id, text] of await textsOf(queue, KEYS.suppliers, ids)) {
            yield { id: id as Asset['id'], keys: jsonOf<readonly SupplierKey[]>(text) };
          }
        }
      },
      (draft, { id, keys }) => writeKeys(draft, id, [], keys),
    ),
    relations: section(
      parts,
      () => relations(parts),
      async (draft, relation) => void (await addRelation(draft, relation)),
    ),
    attachments: section(
      parts,
      () => recordsByName<AttachmentAtRest>(queue, KEYS.attachmentNames, KEYS.attachments),
      (draft, attachment) => writeAttachment(draft, attachment),
    ),
    attachmentHistory: section(
      parts,
      () => histories(parts),
      async (draft, { deviceId, lines }) => {
        const known = await draft.has(KEYS.devices, deviceId);
        draft.write('del', historyKey(deviceId));
        for (const words of historyLines(lines)) draft.write('rpush', historyKey(deviceId), ...words);
        if (!known) draft.write('zadd', KEYS.formerHistories, 0, deviceId);
      },
    ),
  };
}

async function* relations({ queue }: TransferParts): AsyncGenerator<Relation> {
  for await (const page of entityPages(queue)) {
    const first = await Promise.all(
      page.map((end) => membersOf(queue, relationsKey(end, 'from'), '', { limit: PER_PAGE })),
    );
    for (const [at, end] of page.entries()) {
      const known = first[at] ?? [];
      // Most have few: only of those with more the pages are read.
      const pages = known.length < PER_PAGE ? [known] : pagesOf(queue, relationsKey(end, 'from'));
      for await (const members of pages) {
        for (const member of members) {
          const relation = relationOf(end, 'from', member);
          if (!ATTACHMENT_RELATIONS.has(relation.type)) yield relation;
        }
      }
    }
  }
}

/** Of devices that there are, then of those that are gone. */
async function* histories({ queue }: TransferParts): AsyncGenerator<History> {
  const linesOf = async function* (ids: readonly string[]): AsyncGenerator<History> {
    const found = await Promise.all(ids.map((id) => storedHistory(queue, id)));
    for (const [at, id] of ids.entries()) {
      const lines = found[at] ?? [];
      if (lines.length > 0) yield { deviceId: id as DeviceId, lines };
    }
  };
  for await (const ids of idPages(queue, KEYS.deviceNames)) yield* linesOf(ids);
  for await (const ids of pagesOf(queue, KEYS.formerHistories)) {
    const again = new Map(await textsOf(queue, KEYS.devices, ids));
    yield* linesOf(ids.filter((id) => !again.has(id)));
  }
}
