import type { Transfer } from '../../transfer.ts';
import { assetSections } from './assets.ts';
import { entityDataSections } from './entity-data.ts';
import { laterSections } from './later.ts';
import { otaSections } from './ota.ts';
import { recordSections } from './records.ts';
import { registrySections } from './registry.ts';
import type { TransferParts } from './section.ts';

/** Every record of the Redis store, to be moved; what app clients have is kept beside it. */
export function createTransfer(parts: TransferParts, finish: Transfer['finish']): Transfer {
  return {
    sections: {
      ...registrySections(parts),
      ...assetSections(parts),
      ...entityDataSections(parts),
      ...laterSections(parts),
      ...otaSections(parts),
      ...recordSections(parts),
    },
    finish,
  };
}
