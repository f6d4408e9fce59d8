import { otaConformance } from '../../conformance/storage/ota-store.ts';
import { makeEmbedded } from './make-store.ts';

otaConformance('embedded', makeEmbedded);
