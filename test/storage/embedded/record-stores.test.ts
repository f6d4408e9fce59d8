import { recordConformance } from '../../conformance/storage/record-stores.ts';
import { makeEmbedded } from './make-store.ts';

recordConformance('embedded', makeEmbedded);
