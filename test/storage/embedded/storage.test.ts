import { wholeStorageConformance } from '../../conformance/storage/storage.ts';
import { makeEmbedded } from './make-store.ts';

wholeStorageConformance('embedded', makeEmbedded);
