import { entityDataConformance } from '../../conformance/storage/entity-data.ts';
import { makeEmbedded } from './make-store.ts';

entityDataConformance('embedded', makeEmbedded);
