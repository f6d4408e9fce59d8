import { documentConformance } from '../../conformance/storage/document-store.ts';
import { makeEmbedded } from './make-store.ts';

documentConformance('embedded', makeEmbedded);
