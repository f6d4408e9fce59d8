import type { Sections, Transfer } from '../../transfer.ts';
import { appSections } from './app.ts';
import { assetSections } from './assets.ts';
import { entityDataSections } from './entity-data.ts';
import { laterSections } from './later.ts';
import { otaSections } from './ota.ts';
import { recordSections } from './records.ts';
import { registrySections } from './registry.ts';
import type { TransferParts } from './section.ts';

/** Every record of the embedded store, to be moved. */
export function createTransfer(parts: TransferParts, finish: Transfer['finish']): Transfer {
  const sections: Sections = {
    ...registrySections(parts),
    ...assetSections(parts),
    ...entityDataSections(parts),
    ...laterSections(parts),
    ...otaSections(parts),
    ...recordSections(parts),
    ...appSections(parts),
  };
  return { sections, finish };
}
