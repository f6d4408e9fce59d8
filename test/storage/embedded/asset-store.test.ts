import { assetConformance } from '../../conformance/storage/asset-store.ts';
import { makeEmbedded } from './make-store.ts';

assetConformance('embedded', makeEmbedded);
